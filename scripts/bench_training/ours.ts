/**
 * This package as a program that trains.
 *
 * @module
 */
import process from "node:process";
import { GPT2 } from "../../src/gpt2.ts";
import type { Adapter } from "../../src/model/adapter.ts";
import { createAdapter } from "../../src/model/create_adapter.ts";
import { GPT2Config } from "../../src/model/config.ts";
import type { Precision } from "../../src/tensor/recorder.ts";
import { Trainer } from "../../src/training/trainer.ts";
import type { Batch } from "../../src/training/training_graph.ts";
import type { Clock, Program, Shape, Steps } from "./program.ts";

/** The same for all programs: weights of all models with this seed are equal. */
const SEED = 1;

/** A model of a shape with random weights, the same in each call. */
export function createModel(shape: Shape, threads: number): GPT2 {
  const { numLayers, numHeads, embeddingDim, contextLength, vocabSize } = shape;
  const config = new GPT2Config({ numLayers, numHeads, embeddingDim, contextLength, vocabSize });
  return new GPT2(config, { seed: SEED, threads });
}

/** (batch (seq + 1)): tokens that look random, and are the same in each call. */
export function createTokens({ batch, seq, vocabSize }: Shape): Int32Array<ArrayBuffer> {
  let state = SEED;
  return Int32Array.from({ length: batch * (seq + 1) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * vocabSize);
  });
}

/** An adapter beside a frozen model of a shape, as most are trained: of rank 8, the model in Q8_0. */
export async function createAdapterProgram(
  shape: Shape,
  threads: number,
  clock: Clock,
): Promise<OurProgram> {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/model.gguf`;
    {
      using model = createModel(shape, threads);
      await model.saveGguf(path, { type: "q8_0" });
    }
    const model = await GPT2.fromPretrained(path, { trainable: "adapters", threads });
    const targets = ["qkvProjection", "outputProjection"] as const;
    const adapter = await model.loadAdapter(
      createAdapter(model.config, { rank: 8, alpha: 16, targets, seed: SEED }),
    );
    return new OurProgram(shape, "f32", { threads, clock, model, adapter });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** How {@linkcode OurProgram} trains. */
export interface OurOptions {
  readonly threads: number;
  /** Default: `"wall"`. */
  readonly clock?: Clock;
  /** It is disposed of with the program. Default: one of the shape with random weights. */
  readonly model?: GPT2;
  /** What is trained, if it is not the model itself. */
  readonly adapter?: Adapter;
}

/** Trains in this process. */
export class OurProgram implements Program, Disposable {
  readonly name: string;
  readonly model: GPT2;
  readonly trainer: Trainer;
  readonly #clock: Clock;

  constructor(shape: Shape, precision: Precision, options: OurOptions) {
    const { threads, clock = "wall", adapter } = options;
    this.#clock = clock;
    const { batch, seq } = shape;
    this.name = adapter === undefined ? `ours ${precision.toUpperCase()}` : "ours, an adapter";
    using model = new DisposableStack();
    this.model = model.use(options.model ?? createModel(shape, threads));
    const source = { batch: (): Batch => batchOf(shape) };
    this.trainer = new Trainer(this.model, source, {
      adapter,
      ...{ batchSize: batch, seqLength: seq, precision, numSteps: 1e9, warmupSteps: 0 },
      ...{ schedule: "constant", learningRate: 1e-5, weightDecay: 0.1, gradientClip: 1 },
    });
    model.move();
  }

  async run(steps: number): Promise<Steps> {
    const [ms, losses]: number[][] = [[], []];
    for (let i = 0; i < steps; i++) {
      const begin = now(this.#clock);
      losses.push((await this.trainer.step()).loss);
      ms.push(now(this.#clock) - begin);
    }
    return { ms, losses };
  }

  [Symbol.dispose](): void {
    this.trainer[Symbol.dispose]();
    this.model[Symbol.dispose]();
  }
}

/** In ms. */
function now(clock: Clock): number {
  if (clock === "wall") return performance.now();
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function batchOf(shape: Shape): Batch {
  const { batch, seq } = shape;
  const ids = createTokens(shape);
  const rows = Array.from(
    { length: batch },
    (_, row) => ids.subarray(row * (seq + 1), (row + 1) * (seq + 1)),
  );
  return {
    tokens: Int32Array.from(rows.flatMap((row) => [...row.subarray(0, seq)])),
    targets: Int32Array.from(rows.flatMap((row) => [...row.subarray(1)])),
  };
}
