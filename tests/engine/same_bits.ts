/**
 * Reading a text in every way that there is, and seeing that the logits after each token are the same to the last bit.
 *
 * @module
 */
import { assertEquals, AssertionError } from "@std/assert";
import { Random } from "../../src/base/random.ts";
import { type FileType, storedType } from "../../src/checkpoint/file_types.ts";
import { Engine } from "../../src/engine/engine.ts";
import type { Hooks } from "../../src/engine/hooked_text.ts";
import type { Sequence } from "../../src/engine/sequence.ts";
import { quantizeRows } from "../../src/ffi/quantize.ts";
import { tensorTypeInfo } from "../../src/formats/tensor_type.ts";
import type { AppliedAdapters } from "../../src/model/applied_adapters.ts";
import type { CacheType } from "../../src/model/compute_options.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { initializing } from "../../src/model/initialize.ts";
import { Model } from "../../src/model/model.ts";
import { type ParameterSpec, parameterSpecs } from "../../src/model/parameters.ts";
import { Weights } from "../../src/model/weights.ts";
import { Backend } from "../../src/tensor/backend.ts";

const VOCAB_SIZE = 131;

/** Heads of 16 and of 32, rows of one block of the larger types, and more positions than attention looks at at first. */
export const sizes: readonly { config: GPT2Config; cacheType: CacheType | undefined }[] = [
  { embeddingDim: 64, numHeads: 4, numLayers: 2 },
  { embeddingDim: 256, numHeads: 8, numLayers: 1, cacheType: "q8_0" as const },
].map(({ cacheType, ...sizes }) => {
  const config = new GPT2Config({ vocabSize: VOCAB_SIZE, contextLength: 128, ...sizes });
  return { config, cacheType };
});

/** What is read. */
export const tokens: readonly number[] = Array.from(
  { length: 90 },
  (_, i) => (i * 57 + i * i) % VOCAB_SIZE,
);

/** A new model, stored as files of this type are. */
export async function createModel(
  config: GPT2Config,
  fileType: FileType,
  cacheType: CacheType | undefined,
): Promise<Model> {
  const backend = Backend.cpu({ threads: 2 });
  const typeOf = (spec: ParameterSpec) => storedType(fileType, spec, config);
  const specs = new Map(parameterSpecs(config).map((spec) => [spec.name, spec]));
  const weights = new Weights(backend, config, typeOf);
  const write = async (name: string, data: Uint8Array<ArrayBuffer>) => {
    const spec = specs.get(name)!;
    const { id, blockSize, blockBytes } = tensorTypeInfo(typeOf(spec));
    const values = new Float32Array(data.buffer);
    const width = spec.shape[spec.shape.length - 1];
    const stored = new Uint8Array(values.length / blockSize * blockBytes);
    await quantizeRows(id, values, stored, values.length / width, width);
    weights.write(name, stored);
  };
  for (const written of initializing(config, write)) await written;
  return new Model(config, weights, backend, fileType === "f32" ? undefined : cacheType);
}

/** A way to read: with what is added to the weights, and what is looked at and changed. */
export interface Reader {
  readonly adapters?: AppliedAdapters | null;
  readonly hooks?: Hooks;
}

/** A way to read, and what comes of it. */
export interface Expected extends Reader {
  /** By the number of tokens read. */
  readonly logits: ReadonlyMap<number, Float32Array>;
}

/** What is looked at and changed in a step of its own. */
function hookedBy({ hooks }: Reader) {
  return hooks?.open(0, tokens.length);
}

/** The logits after each part of the text, by the number of tokens read. */
export async function logitsAfterParts(
  model: Model,
  sizes: readonly number[],
  reader: Reader = {},
): Promise<Map<number, Float32Array>> {
  using engine = new Engine(model);
  const sequence = engine.open({ adapters: reader.adapters });
  const logits = new Map<number, Float32Array>();
  let end = 0;
  for (const size of sizes) {
    const part = tokens.slice(end, end += size);
    await engine.step([{ sequence, tokens: part, logits: "last", hooked: hookedBy(reader) }]);
    logits.set(end, sequence.logits.slice());
  }
  return logits;
}

/** Throws if one bit differs. */
export function assertSameBits(actual: Float32Array, expected: Float32Array, what: string): void {
  const [a, b] = [actual, expected].map((x) => new Uint32Array(x.buffer, x.byteOffset, x.length));
  const numDifferent = a.filter((bits, i) => bits !== b[i]).length;
  if (a.length !== b.length || numDifferent > 0) {
    throw new AssertionError(`${what}: ${numDifferent} of ${a.length} logits differ`);
  }
}

const ROUNDS = 12;
const MOST_TEXTS = 6;

/**
 * Opens texts, forks, shortens, restores and closes them at random, and reads random numbers of tokens of any of them, some in calls
 * of their own that overlap: the logits after each token are those that it has alone.
 *
 * @param kinds how texts are read, and what that gives; a text and its copies are of one of them
 */
export async function followSchedule(
  engine: Engine,
  kinds: readonly Expected[],
  seed: number,
): Promise<void> {
  const random = new Random(seed);
  const below = (limit: number) => Math.floor(random.next() * limit);
  const kindOf = new Map<Sequence, Expected>();
  const openOne = () => {
    const kind = kinds[below(kinds.length)];
    const sequence = engine.open({ adapters: kind.adapters });
    kindOf.set(sequence, kind);
    return sequence;
  };
  const forkOne = (sequence: Sequence) => {
    const fork = engine.fork(sequence);
    kindOf.set(fork, kindOf.get(sequence)!);
    return fork;
  };
  /** As a text is that was written to a file. */
  const saveAndRestore = async (sequence: Sequence) => {
    const { adapters } = kindOf.get(sequence)!;
    const layers = await engine.remembered(sequence);
    const after = { logits: sequence.logits.slice(), summary: sequence.summary };
    const restored = await engine.recall(layers, sequence.length, after, adapters);
    kindOf.set(restored, kindOf.get(sequence)!);
    sequence[Symbol.dispose]();
    return restored;
  };
  let open: Sequence[] = [openOne()];
  for (let round = 0; round < ROUNDS; round++) {
    const calls = open.filter(({ length }) => length < tokens.length && below(3) > 0)
      .map((sequence) => {
        const most = below(2) === 0 ? 1 : tokens.length - sequence.length;
        const end = sequence.length + 1 + below(most);
        const wanted = (["none", "last", "all"] as const)[below(3)];
        const hooked = hookedBy(kindOf.get(sequence)!);
        return { sequence, tokens: tokens.slice(sequence.length, end), logits: wanted, hooked };
      });
    const starts = calls.map(({ sequence }) => sequence.length);
    const numTogether = below(calls.length + 1);
    const results = await Promise.all([
      engine.step(calls.slice(0, numTogether)),
      ...calls.slice(numTogether).map((call) => engine.step([call])),
    ]);
    for (const [i, logits] of results.flat().entries()) {
      const { sequence, logits: wanted } = calls[i];
      const { logits: alone } = kindOf.get(sequence)!;
      const first = wanted === "all" ? starts[i] + 1 : sequence.length;
      for (let row = 0; row * VOCAB_SIZE < logits.length; row++) {
        const what = `schedule ${seed}, round ${round}: after ${first + row} tokens`;
        const own = logits.subarray(row * VOCAB_SIZE, (row + 1) * VOCAB_SIZE);
        assertSameBits(own, alone.get(first + row)!, what);
      }
      assertEquals(logits.length > 0, wanted !== "none");
    }
    const forked = open.length < MOST_TEXTS && below(2) === 0
      ? [forkOne(open[below(open.length)])]
      : [];
    if (open.length > 1 && below(3) === 0) open.splice(below(open.length), 1)[0][Symbol.dispose]();
    if (below(4) === 0) {
      const index = below(open.length);
      open[index] = await saveAndRestore(open[index]);
    }
    if (below(3) === 0) {
      const sequence = open[below(open.length)];
      sequence.truncate(below(sequence.length + 1));
    }
    open = [
      ...open,
      ...forked,
      ...open.length < MOST_TEXTS && below(3) === 0 ? [openOne()] : [],
    ];
  }
  for (const sequence of open) sequence[Symbol.dispose]();
}
