/**
 * The weights of a model in memory, to be saved: from memory, or, where they were repacked for this processor and cannot be
 * read back, from the checkpoint they came from.
 *
 * @module
 */
import { quotePath } from "../base/describe.ts";
import { sha256 } from "../base/sha256.ts";
import { folderOf } from "../base/files.ts";
import type { GgufValue } from "../formats/gguf_value.ts";
import type { Model } from "../model/model.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { withoutVocabulary } from "./gguf/metadata.ts";
import { openCheckpoint } from "./open_checkpoint.ts";
import { noSettings, type Settings } from "./settings.ts";
import type { GPT2Config } from "../model/config.ts";
import { parameterSpecs } from "../model/parameters.ts";
import { rowBytes } from "../formats/tensor_type.ts";
import { readConverted } from "./row_converter.ts";
import { isWeightType } from "./quantize.ts";
import { byteLengthOf, rowsOf, type StoredWeight, type WeightSource } from "./weight_source.ts";

/** Reads weights from memory, or, where they were repacked, from the checkpoint they came from. Dispose of it. */
export class ModelWeights implements WeightSource, Disposable {
  /** The sizes of the model. */
  readonly config: GPT2Config;
  /** The weights by name, in the types in which they are in memory. */
  readonly weights: ReadonlyMap<string, StoredWeight>;
  /** Whether the vocabulary projection is the token embedding. */
  readonly tied: boolean;
  readonly #model: Model;
  #origin?: Checkpoint;
  /** The weight whose rows were asked for last, if it is not in memory. */
  #current?: { name: string; bytes: Uint8Array<ArrayBuffer> };

  /** @param model stays in use until this is disposed of */
  constructor(model: Model) {
    model.checkUsable();
    this.#model = model;
    this.config = model.config;
    const types = new Map(model.weights.specs.map(({ name, dtype }) => [name, dtype]));
    this.tied = !types.has("vocabularyProjection");
    this.weights = new Map(
      parameterSpecs(this.config, this).map((spec) => {
        const dtype = types.get(spec.name)!;
        if (!isWeightType(dtype)) throw new TypeError(`Cannot save weights of type ${dtype}`);
        return [spec.name, { spec, storedName: spec.name, dtype, isTransposed: false }];
      }),
    );
  }

  /** Fills `target` with rows of a weight, beginning with `firstRow`. */
  async readRows(name: string, firstRow: number, target: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#model.checkUsable();
    const { spec, dtype } = this.weights.get(name)!;
    const start = firstRow * rowBytes(dtype, rowsOf(spec).width);
    if (this.#model.weights.readPart(name, start, target)) return;
    if (this.#current?.name !== name) {
      this.#current = { name, bytes: await this.#readFromOrigin(name) };
    }
    target.set(this.#current.bytes.subarray(start, start + target.length));
  }

  /** Closes the checkpoint, if it had to be opened. */
  [Symbol.dispose](): void {
    this.#origin?.[Symbol.dispose]();
    this.#current = undefined;
  }

  async #readFromOrigin(name: string): Promise<Uint8Array<ArrayBuffer>> {
    this.#origin ??= await reopenOrigin(this.#model);
    const { spec, dtype } = this.weights.get(name)!;
    const bytes = new Uint8Array(byteLengthOf(spec, dtype));
    await readConverted(this.#origin, name, dtype, bytes);
    return bytes;
  }
}

/** What a checkpoint says of a model that the model itself does not know. */
export interface ModelDescription {
  /** What to call it, for people. */
  readonly name: string;
  /** What comes with it. */
  readonly settings: Settings;
  /** What the GGUF file that it comes from says of it, known or not, without its vocabulary. */
  readonly gguf?: ReadonlyMap<string, GgufValue>;
}

/** A checkpoint on disk, as it was when it was loaded. */
interface Origin extends ModelDescription {
  readonly path: string;
  readonly fingerprint: string;
}

const origins = new WeakMap<Model, Origin>();

/** Notes which checkpoint a model was loaded from. */
export function rememberOrigin(model: Model, checkpoint: Checkpoint): void {
  const { name, settings } = checkpoint;
  origins.set(model, {
    path: lastingPath(checkpoint),
    name,
    settings,
    gguf: checkpoint.gguf && withoutVocabulary(checkpoint.gguf.metadata),
    fingerprint: fingerprintOf(checkpoint),
  });
}

/** What the checkpoint that a model was loaded from says of it. */
export function descriptionOf(model: Model): ModelDescription {
  return origins.get(model) ?? { name: "GPT-2", settings: noSettings };
}

/**
 * Opens the checkpoint that a model was loaded from.
 *
 * @throws {Deno.errors.NotFound} if it is gone, or has changed since
 */
async function reopenOrigin(model: Model): Promise<Checkpoint> {
  const origin = origins.get(model);
  if (origin === undefined) {
    throw new TypeError(
      "Cannot read the weights back: the model was not loaded from a checkpoint.",
    );
  }
  const checkpoint = await openCheckpoint(origin.path);
  if (fingerprintOf(checkpoint) === origin.fingerprint) return checkpoint;
  checkpoint[Symbol.dispose]();
  throw new Deno.errors.NotFound(
    `Cannot read the weights back from ${
      quotePath(origin.path)
    }: it is not the checkpoint that was ` +
      "loaded: received a file that was changed since. Load it again.",
  );
}

/** So many bytes of each weight tell one model from another: whoever trains or quantizes changes them. */
const SAMPLE_BYTES = 4096;

/**
 * What tells the checkpoint that a model was loaded from from others, wherever it is: a digest of how each weight begins. One
 * that was trained further or quantized has another.
 *
 * @throws {Deno.errors.NotFound} if it is gone, or has changed since
 */
export async function digestOfOrigin(model: Model): Promise<string> {
  using checkpoint = await reopenOrigin(model);
  const samples = checkpoint.weights.values().map(({ spec, dtype, source, offset }) =>
    source.read(offset, Math.min(SAMPLE_BYTES, byteLengthOf(spec, dtype)))
  );
  return await sha256(await new Blob(samples.toArray()).arrayBuffer());
}

/** A path that leads to the same checkpoint from any folder, and if a link to it leads elsewhere one day. */
function lastingPath(checkpoint: Checkpoint): string {
  const { path, gguf } = checkpoint;
  const isSplit = gguf !== undefined && filesOf(checkpoint).length > 1;
  if (!isSplit) return Deno.realPathSync(path);
  // The parts of a split model find each other by name; what links lead to, as in the hub's cache, may have other names.
  return `${Deno.realPathSync(folderOf(path))}/${path.replace(/^.*[/\\]/, "")}`;
}

/** Which files a checkpoint consists of, however their paths are written, and when each was last written. */
function fingerprintOf(checkpoint: Checkpoint): string {
  return filesOf(checkpoint).map((path) => {
    const { size, mtime, ino } = Deno.statSync(path);
    return `${path} ${size} ${mtime?.getTime()} ${ino}`;
  }).join("\n");
}

function filesOf({ weights }: Checkpoint): string[] {
  const paths = new Set(weights.values().map(({ source }) => source.path!));
  return [...new Set([...paths].map((path) => Deno.realPathSync(path)))];
}
