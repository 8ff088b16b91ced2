/**
 * What there is to know of a checkpoint without reading its weights.
 *
 * @module
 */
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { byteLengthOf } from "../checkpoint/weight_source.ts";
import { quote, quotePath } from "../base/describe.ts";
import type { GgufValue } from "../formats/gguf_value.ts";
import type { GPT2Config } from "../model/config.ts";
import { formatShape, numElements } from "../tensor/shape.ts";
import { table } from "./terminal/table.ts";
import { lineText } from "./terminal/terminal_text.ts";
import { cutText, textWidth } from "./terminal/text_width.ts";
import { bytesText, countText, numberText } from "./terminal/units.ts";

/** So much of a text is shown at least, however long its name is. */
const MIN_VALUE_WIDTH = 20;

/** A checkpoint, described; as JSON, this is what `info --json` writes. */
export interface ModelInfo {
  readonly path: string;
  readonly name: string;
  readonly config: GPT2Config;
  readonly numParameters: number;
  /** Without the position embedding. */
  readonly numNonEmbeddingParameters: number;
  /** Of all weights as they are stored. */
  readonly numBytes: number;
  readonly types: readonly TypeInfo[];
  readonly tokenizer: TokenizerInfo | null;
  /** Of a GGUF file: numbers, truth values and texts as they are, of lists only their type and length. */
  readonly metadata: Readonly<Record<string, unknown>> | null;
  readonly tensors: readonly TensorInfo[];
}

/** All weights of one type. */
export interface TypeInfo {
  readonly type: string;
  readonly numTensors: number;
  readonly numBytes: number;
}

/** A vocabulary. */
export interface TokenizerInfo {
  readonly vocabSize: number;
  readonly numMerges: number;
  readonly endOfTextId: number | null;
  /** All tokens that end a text for this model. */
  readonly endOfTextIds: readonly number[];
}

/** A weight. */
export interface TensorInfo {
  readonly name: string;
  /** Its name in the file. */
  readonly storedName: string;
  readonly type: string;
  readonly shape: readonly number[];
  readonly numBytes: number;
}

/**
 * Describes a checkpoint.
 *
 * @throws {FileFormatError} if its tokenizer is damaged
 */
export async function modelInfo(checkpoint: Checkpoint): Promise<ModelInfo> {
  const { path, name, config, weights, gguf } = checkpoint;
  const sizes = Array.from(weights.values(), ({ spec }) => numElements(spec.shape));
  const tensors = Array.from(weights.values(), ({ spec, dtype, storedName }): TensorInfo => ({
    name: spec.name,
    storedName,
    type: dtype,
    shape: spec.shape,
    numBytes: byteLengthOf(spec, dtype),
  }));
  return {
    path,
    name,
    config,
    numParameters: sum(sizes),
    numNonEmbeddingParameters: sum(sizes) - config.contextLength * config.embeddingDim,
    numBytes: sum(tensors.map(({ numBytes }) => numBytes)),
    types: Array.from(Map.groupBy(tensors, ({ type }) => type), ([type, ofType]) => ({
      type,
      numTensors: ofType.length,
      numBytes: sum(ofType.map(({ numBytes }) => numBytes)),
    })),
    tokenizer: await tokenizerInfo(checkpoint),
    metadata: gguf === undefined ? null : Object.fromEntries(
      Array.from(gguf.metadata, ([key, value]) => [key, plainValue(value)]),
    ),
    tensors,
  };
}

/**
 * The description for people.
 *
 * @param isLong whether to list every weight
 * @param numColumns how wide lines may be: what is too long in them is cut. Default: as wide as they are
 */
export function modelInfoText(info: ModelInfo, isLong: boolean, numColumns = Infinity): string {
  const { path, name, config, tokenizer, metadata, types, tensors } = info;
  return [
    table("Model", [
      ["name", quote(name)],
      ["path", quotePath(path)],
      ["parameters", numberText(info.numParameters)],
      ["without positions", numberText(info.numNonEmbeddingParameters)],
      ["weights", bytesText(info.numBytes)],
    ]),
    table("Configuration", Object.entries(config).map(([key, value]) => [key, String(value)])),
    table(
      "Types",
      types.map(({ type, numTensors, numBytes }) => [
        type,
        countText(numTensors, "tensor"),
        bytesText(numBytes),
      ]),
    ),
    table(
      "Tokenizer",
      tokenizer === null ? [["none"]] : [
        ["tokens", String(tokenizer.vocabSize)],
        ["merges", String(tokenizer.numMerges)],
        ["end of text", tokenizer.endOfTextIds.join(", ") || "none"],
      ],
    ),
    ...(metadata === null ? [] : [
      metadataTable(metadata, numColumns),
    ]),
    ...(isLong ? [tensorTable(tensors, numColumns)] : []),
  ].join("\n");
}

function metadataTable(metadata: Readonly<Record<string, unknown>>, numColumns: number): string {
  const entries = Object.entries(metadata);
  const keyWidth = Math.max(0, ...entries.map(([key]) => textWidth(lineText(key))));
  const room = Math.max(MIN_VALUE_WIDTH, numColumns - keyWidth - "    ".length);
  return table("Metadata", entries.map(([key, value]) => [key, cutQuote(valueText(value), room)]));
}

/** Names in the file are left out where they would not fit. */
function tensorTable(tensors: readonly TensorInfo[], numColumns: number): string {
  const rows = tensors.map(({ name, storedName, type, shape, numBytes }) => [
    name,
    quote(storedName),
    type,
    formatShape(shape),
    bytesText(numBytes),
  ]);
  const whole = table("Tensors", rows);
  const fits = whole.split("\n").every((line) => textWidth(line) <= numColumns);
  return fits ? whole : table("Tensors", rows.map((row) => row.toSpliced(1, 1)));
}

/** A text in quotes that takes so many columns; its end says that there is more. */
function cutQuote(text: string, width: number): string {
  if (textWidth(text) <= width || !text.startsWith('"')) return text;
  return `${cutText(text.slice(0, -1), width - 1)}"`;
}

async function tokenizerInfo(checkpoint: Checkpoint): Promise<TokenizerInfo | null> {
  const tokenizer = await checkpoint.readTokenizer();
  if (tokenizer === undefined) return null;
  const { vocabSize, merges, endOfTextId = null } = tokenizer;
  const endOfTextIds = checkpoint.settings.endOfTextIds ??
    (endOfTextId === null ? [] : [endOfTextId]);
  return { vocabSize, numMerges: merges.length, endOfTextId, endOfTextIds };
}

function plainValue({ type, value }: GgufValue): unknown {
  if (typeof value === "bigint") return String(value);
  return typeof value === "object" ? { type, length: value.length } : value;
}

function valueText(value: unknown): string {
  if (typeof value === "string") return quote(value);
  if (typeof value === "number") return String(shortest(value));
  if (typeof value !== "object" || value === null) return String(value);
  const { type, length } = value as { type: string; length: number };
  return `${length} x ${type.slice(0, -2)}`;
}

/** A number with as few digits as tell it from others, if it is one of 32 bits: 1e-5 is 0.000009999999747378752 there. */
function shortest(value: number): number {
  const rounded = Number(value.toPrecision(7));
  return Math.fround(value) === value && Math.fround(rounded) === value ? rounded : value;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
