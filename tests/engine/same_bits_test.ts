// The logits after a token are the same to the last bit, however the text before it came to be read.

import { assertEquals, AssertionError, assertNotEquals, assertThrows } from "@std/assert";
import { type FileType, storedType } from "../../src/checkpoint/file_types.ts";
import { Engine } from "../../src/engine/engine.ts";
import type { Sequence } from "../../src/engine/sequence.ts";
import { quantizeRows } from "../../src/ffi/quantize.ts";
import { tensorTypeInfo } from "../../src/formats/tensor_type.ts";
import type { CacheType } from "../../src/model/compute_options.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { initializing } from "../../src/model/initialize.ts";
import { Model } from "../../src/model/model.ts";
import { type ParameterSpec, parameterSpecs } from "../../src/model/parameters.ts";
import { Weights } from "../../src/model/weights.ts";
import { Random } from "../../src/base/random.ts";
import { Backend } from "../../src/tensor/backend.ts";
import { canAttendRagged } from "../../src/tensor/fused_attention.ts";

/** Heads of 16 and of 32, rows of one block of the larger types, and more positions than attention looks at at first. */
const configs = [
  { embeddingDim: 64, numHeads: 4, numLayers: 2 },
  { embeddingDim: 256, numHeads: 8, numLayers: 1, cacheType: "q8_0" as const },
].map(({ cacheType, ...sizes }) => {
  const config = new GPT2Config({ vocabSize: 131, contextLength: 128, ...sizes });
  return { config, cacheType };
});

const tokens = Array.from({ length: 90 }, (_, i) => (i * 57 + i * i) % 131);

/** A new model, stored as files of this type are. */
async function createModel(
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

/** The logits after each part of the text, by the number of tokens read. */
async function logitsAfterParts(
  model: Model,
  sizes: readonly number[],
): Promise<Map<number, Float32Array>> {
  using engine = new Engine(model);
  const sequence = engine.open();
  const logits = new Map<number, Float32Array>();
  let end = 0;
  for (const size of sizes) {
    const part = tokens.slice(end, end += size);
    await engine.step([{ sequence, tokens: part, logits: "last" }]);
    logits.set(end, sequence.logits.slice());
  }
  return logits;
}

function assertSameBits(actual: Float32Array, expected: Float32Array, what: string): void {
  const [a, b] = [actual, expected].map((x) => new Uint32Array(x.buffer, x.byteOffset, x.length));
  const numDifferent = a.filter((bits, i) => bits !== b[i]).length;
  if (a.length !== b.length || numDifferent > 0) {
    throw new AssertionError(`${what}: ${numDifferent} of ${a.length} logits differ`);
  }
}

/** Random schedules of each model. */
const SCHEDULES = 25;
const ROUNDS = 12;
const MOST_TEXTS = 6;

/**
 * Opens texts, forks, shortens and closes them at random, and reads random numbers of tokens of any of them, some in calls
 * of their own that overlap: the logits after each token are those that it has alone.
 */
async function followSchedule(
  engine: Engine,
  alone: ReadonlyMap<number, Float32Array>,
  seed: number,
): Promise<void> {
  const random = new Random(seed);
  const below = (limit: number) => Math.floor(random.next() * limit);
  let open: Sequence[] = [engine.open()];
  for (let round = 0; round < ROUNDS; round++) {
    const calls = open.filter(({ length }) => length < tokens.length && below(3) > 0)
      .map((sequence) => {
        const most = below(2) === 0 ? 1 : tokens.length - sequence.length;
        const end = sequence.length + 1 + below(most);
        const wanted = (["none", "last", "all"] as const)[below(3)];
        return { sequence, tokens: tokens.slice(sequence.length, end), logits: wanted };
      });
    const starts = calls.map(({ sequence }) => sequence.length);
    const numTogether = below(calls.length + 1);
    const results = await Promise.all([
      engine.step(calls.slice(0, numTogether)),
      ...calls.slice(numTogether).map((call) => engine.step([call])),
    ]);
    for (const [i, logits] of results.flat().entries()) {
      const { sequence, logits: wanted } = calls[i];
      const first = wanted === "all" ? starts[i] + 1 : sequence.length;
      for (let row = 0; row * 131 < logits.length; row++) {
        const what = `schedule ${seed}, round ${round}: after ${first + row} tokens`;
        assertSameBits(logits.subarray(row * 131, (row + 1) * 131), alone.get(first + row)!, what);
      }
      assertEquals(logits.length > 0, wanted !== "none");
    }
    const forked = open.length < MOST_TEXTS && below(2) === 0
      ? [engine.fork(open[below(open.length)])]
      : [];
    if (open.length > 1 && below(3) === 0) open.splice(below(open.length), 1)[0][Symbol.dispose]();
    if (below(3) === 0) {
      const sequence = open[below(open.length)];
      sequence.truncate(below(sequence.length + 1));
    }
    open = [
      ...open,
      ...forked,
      ...open.length < MOST_TEXTS && below(3) === 0 ? [engine.open()] : [],
    ];
  }
  for (const sequence of open) sequence[Symbol.dispose]();
}

const splits = [[90], [89, 1], [63, 1, 1, 25], [64, 26], [2, 3, 4, 5, 6, 7, 8, 55], [40, 50]];

for (const fileType of ["f32", "f16", "bf16", "q8_0", "q4_k_m", "q4_0"] as const) {
  Deno.test(`step() gives the same bits for ${fileType}, in whatever parts and beside whatever texts`, async () => {
    for (const { config, cacheType } of configs) {
      using model = await createModel(config, fileType, cacheType);
      if (!canAttendRagged(model.backend, config.headDim, model.cacheType)) {
        // There are no kernels of this package's own: nothing is promised.
        assertEquals(canAttendRagged(model.backend, 64, "f16"), false);
        continue;
      }
      const alone = await logitsAfterParts(model, tokens.map(() => 1));
      assertNotEquals(alone.get(89), alone.get(90), "each token counts");
      for (const sizes of splits) {
        for (const [end, logits] of await logitsAfterParts(model, sizes)) {
          const what = `heads of ${config.headDim}, read in parts of ${sizes}: after ${end} tokens`;
          assertSameBits(logits, alone.get(end)!, what);
        }
      }

      using engine = new Engine(model);
      for (let seed = 1; seed <= SCHEDULES; seed++) await followSchedule(engine, alone, seed);
    }
  });
}

Deno.test("assertSameBits() sees one different logit", () => {
  const x = Float32Array.of(1, 2, 3);
  assertSameBits(x, x.slice(), "equal");
  assertThrows(() => assertSameBits(x, Float32Array.of(1, 2, 3.0000002), "x"), AssertionError);
});
