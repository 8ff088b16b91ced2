/**
 * Texts on disk, with all that a model remembers of them.
 *
 * A safetensors file: `tokens`, the `logits` after the last one and what they add up to (`log_of_sum`, NaN where that was
 * not computed with them), and for each layer `blocks.N.key` and `blocks.N.value`, as
 * bytes of the type in which the model remembers them. Its metadata tell the version of this format, which model has read
 * the text, in which type it remembers keys and values, and the SHA-256 of all tensors.
 *
 * @module
 */
import { openRegularFile } from "../base/byte_source.ts";
import { formatError } from "../base/describe.ts";
import { throughLinks } from "../base/files.ts";
import { sha256 } from "../base/sha256.ts";
import type { Engine } from "../engine/engine.ts";
import type { AppliedAdapters } from "../model/applied_adapters.ts";
import type { Sequence } from "../engine/sequence.ts";
import { rowBytes } from "../formats/tensor_type.ts";
import { readSafetensorsHeader, type SafetensorsDType } from "../formats/safetensors.ts";
import { argmax } from "./sampling/candidates.ts";
import { writeSafetensors } from "../formats/safetensors_writer.ts";

/** A text as a model has read it. */
export interface RestoredText {
  /** All its tokens. */
  readonly tokens: number[];
  /** What remembers them. */
  readonly sequence: Sequence;
}

/** Raised whenever what a file holds changes. */
const VERSION = "3";
const FORMAT = "allformers.gpt2.text";

const SUBJECT = "a saved text";

/** What to do about one that is damaged. */
const DAMAGED = "Read the text again, and save it.";

/** The tokens by whose logits a model is known. */
const PROBE = [0, 1, 2, 3];

/** A tensor of such a file. */
interface SavedTensor {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * Writes a text.
 *
 * @throws {StorageError} if the file cannot be written
 */
export async function saveText(
  engine: Engine,
  { tokens, sequence }: RestoredText,
  path: string,
  signal?: AbortSignal,
): Promise<void> {
  const { config, cacheType } = engine.model;
  const dtype = "U8";
  const shape = [config.numHeads, tokens.length, rowBytes(cacheType, config.headDim)];
  const layers = await engine.remembered(sequence);
  const tensors: SavedTensor[] = [
    {
      name: "tokens",
      dtype: "I32",
      shape: [tokens.length],
      bytes: bytesOf(Int32Array.from(tokens)),
    },
    {
      name: "logits",
      dtype: "F32",
      shape: [config.vocabSize],
      bytes: bytesOf(sequence.logits.slice()),
    },
    {
      name: "log_of_sum",
      dtype: "F64",
      shape: [1],
      bytes: bytesOf(Float64Array.of(sequence.summary?.logOfSum ?? NaN)),
    },
    ...layers.flatMap(({ key, value }, layer) => [
      { name: `blocks.${layer}.key`, dtype, shape, bytes: key } as const,
      { name: `blocks.${layer}.value`, dtype, shape, bytes: value } as const,
    ]),
  ];
  const metadata = new Map([
    ["format", FORMAT],
    ["version", VERSION],
    ["model", await fingerprint(engine, sequence)],
    ["cacheType", cacheType],
    ["sha256", await hashOf(tensors)],
  ]);
  await writeSafetensors(
    throughLinks(path),
    tensors.map(({ bytes, ...tensor }) => ({ ...tensor, produce: () => bytes })),
    metadata,
    { signal },
  );
}

/**
 * Reads a text that {@linkcode saveText} wrote.
 *
 * @throws {FileFormatError} if the file is damaged, or was written by another model or another version
 * @throws {Deno.errors.NotFound} if there is no such file
 */
export async function restoreText(
  engine: Engine,
  path: string,
  { signal, adapters }: { signal?: AbortSignal; adapters?: AppliedAdapters | null } = {},
): Promise<RestoredText> {
  using source = openRegularFile(path, DAMAGED);
  const file = readSafetensorsHeader(source);
  const { metadata } = file;
  const [format, version] = ["format", "version"].map((name) => metadata.get(name));
  if (format !== FORMAT) {
    const advice = "Give the path of a file that Text.save() has written.";
    throw formatError(SUBJECT, path, `its format must be ${FORMAT}`, format, advice);
  }
  if (version !== VERSION) {
    throw formatError(
      SUBJECT,
      path,
      `it was written by another version of this package: its version must be ${VERSION}`,
      version,
      "Restore it with the version that wrote it, or read the text again and save it.",
    );
  }
  using sequence = engine.open({ adapters });
  const { config, cacheType } = engine.model;
  const savedType = metadata.get("cacheType");
  if (savedType !== cacheType) {
    throw formatError(
      SUBJECT,
      path,
      `it holds keys and values of another type than the ${cacheType} of this model`,
      savedType,
      "Load the model with that cacheType, or read the text again with this model.",
    );
  }
  if (metadata.get("model") !== await fingerprint(engine, sequence)) {
    throw formatError(
      SUBJECT,
      path,
      "it was written by another model, with other adapters, by one of another type, or on another kind of " +
        "processor",
      metadata.get("model"),
      "Restore it with the same adapters, or read the text again with this model.",
    );
  }
  const tensors = [...file.tensors.values()].map(({ name, dtype, shape, offset, byteLength }) => {
    signal?.throwIfAborted();
    return { name, dtype, shape, bytes: source.read(offset, byteLength) };
  });
  const hash = await hashOf(tensors);
  if (metadata.get("sha256") !== hash) {
    throw formatError(
      SUBJECT,
      path,
      "it is damaged: its contents have another SHA-256",
      hash,
      DAMAGED,
    );
  }
  signal?.throwIfAborted();
  const named = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const bytesNamed = (name: string, dtype: SafetensorsDType, shape: readonly number[]) => {
    const tensor = named.get(name);
    if (tensor?.dtype === dtype && String(tensor.shape) === String(shape)) return tensor.bytes;
    const what = `${name} must be ${dtype} of the shape (${shape.join(", ")})`;
    const received = tensor && `${tensor.dtype} (${tensor.shape.join(", ")})`;
    throw formatError(SUBJECT, path, what, received, DAMAGED);
  };
  const length = Math.min(named.get("tokens")?.shape[0] ?? 0, config.contextLength);
  const tokens = [...new Int32Array(bytesNamed("tokens", "I32", [length]).buffer)];
  const wrong = tokens.find((id) => !(id >= 0 && id < config.vocabSize));
  if (wrong !== undefined) {
    const what = `a token must be below ${config.vocabSize}`;
    throw formatError(SUBJECT, path, what, wrong, DAMAGED);
  }
  const logits = new Float32Array(bytesNamed("logits", "F32", [config.vocabSize]).buffer);
  const [logOfSum] = new Float64Array(bytesNamed("log_of_sum", "F64", [1]).buffer);
  const summary = Number.isNaN(logOfSum)
    ? undefined
    : { max: logits[argmax(logits)], logOfSum, largest: undefined };
  const shape = [config.numHeads, length, rowBytes(cacheType, config.headDim)];
  const layers = length === 0 ? [] : Array.from({ length: config.numLayers }, (_, layer) => ({
    key: bytesNamed(`blocks.${layer}.key`, "U8", shape),
    value: bytesNamed(`blocks.${layer}.value`, "U8", shape),
  }));
  return { tokens, sequence: await engine.recall(layers, length, { logits, summary }, adapters) };
}

/** By the adapters with which they are computed. */
const fingerprints = new WeakMap<Engine, Map<string | undefined, Promise<string>>>();

/**
 * What tells a model with its adapters from others: the bits of its logits for a few tokens. They depend on every weight and
 * its type, and on the kernels that compute; not on threads, or on what else is computed.
 *
 * @param like has the adapters
 */
async function fingerprint(engine: Engine, { adapters }: Sequence): Promise<string> {
  const ofEngine = fingerprints.get(engine) ?? new Map<string | undefined, Promise<string>>();
  fingerprints.set(engine, ofEngine);
  const known = ofEngine.get(adapters?.id) ?? computeFingerprint(engine, adapters);
  ofEngine.set(adapters?.id, known);
  try {
    return await known;
  } catch (error) {
    // There was no memory, perhaps: the next call tries again.
    ofEngine.delete(adapters?.id);
    throw error;
  }
}

async function computeFingerprint(
  engine: Engine,
  adapters: AppliedAdapters | undefined,
): Promise<string> {
  const { config } = engine.model;
  const tokens = PROBE.map((id) => id % config.vocabSize).slice(0, config.contextLength);
  using sequence = engine.open({ adapters: adapters ?? null });
  const [logits] = await engine.step([{ sequence, tokens, logits: "all" }]);
  const text = new TextEncoder().encode(JSON.stringify(config));
  return await sha256(await new Blob([text, logits]).arrayBuffer());
}

/** The SHA-256 of all tensors, in the order of their names. */
async function hashOf(tensors: readonly SavedTensor[]): Promise<string> {
  const sorted = tensors.toSorted((a, b) => a.name < b.name ? -1 : 1);
  const parts = sorted.flatMap(({ name, dtype, shape, bytes }) => [
    JSON.stringify([name, dtype, shape]),
    bytes,
  ]);
  return await sha256(await new Blob(parts).arrayBuffer());
}

function bytesOf(
  array: Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
