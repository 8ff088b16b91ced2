/**
 * What is measured of each program that trains.
 *
 * @module
 */

/** A model, and what a step of its training is. */
export interface Shape {
  /** How the report calls it. */
  readonly name: string;
  /** What it is, in a line. */
  readonly summary: string;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly embeddingDim: number;
  readonly contextLength: number;
  readonly vocabSize: number;
  /** Texts of a batch. */
  readonly batch: number;
  /** Tokens of a text. */
  readonly seq: number;
  /** How many steps a round takes with each program: short ones need several to be measured. */
  readonly stepsPerRound: number;
}

/**
 * What steps are measured with: the time that passes, or that of the processor that the program takes, of all its threads. With one
 * thread the latter is right also where other programs keep the processor busy.
 */
export type Clock = "wall" | "processor";

/** Steps that a program has done. */
export interface Steps {
  /** Of each, how long it took. */
  readonly ms: readonly number[];
  /** Of each, the mean loss of its tokens before it, in nats. */
  readonly losses: readonly number[];
}

/** A program that trains one shape, on the same batch in each step. */
export interface Program {
  /** How the report calls it. */
  readonly name: string;
  /** Does steps, the first of them with the weights that all programs begin with if it is the first call. */
  run(steps: number): Promise<Steps>;
}

const small = { numLayers: 12, numHeads: 12, embeddingDim: 768, vocabSize: 50257 };

/** What is measured, by the name that `--only` takes. */
export const SHAPES: Readonly<Record<string, Shape>> = {
  nano: {
    name: "nanoGPT, 12 x 64",
    summary: "0.8 M weights: 4 layers, 4 heads, 128 wide, 65 characters",
    ...{ numLayers: 4, numHeads: 4, embeddingDim: 128, vocabSize: 65, contextLength: 64 },
    ...{ batch: 12, seq: 64, stepsPerRound: 20 },
  },
  demo: {
    name: "demo, 16 x 256",
    summary: "3.5 M weights: 4 layers, 4 heads, 256 wide, a vocabulary of 1,024",
    ...{ numLayers: 4, numHeads: 4, embeddingDim: 256, vocabSize: 1024, contextLength: 256 },
    ...{ batch: 16, seq: 256, stepsPerRound: 2 },
  },
  "small-4x64": {
    name: "GPT-2 small, 4 x 64",
    summary: "124 M weights",
    ...{ ...small, contextLength: 1024, batch: 4, seq: 64, stepsPerRound: 1 },
  },
  "small-1x1024": {
    name: "GPT-2 small, 1 x 1,024",
    summary: "124 M weights",
    ...{ ...small, contextLength: 1024, batch: 1, seq: 1024, stepsPerRound: 1 },
  },
};

/** What memory is measured of. */
export const MEMORY_SHAPE: Shape = {
  ...{ name: "GPT-2 small, 4 x 256", summary: "124 M weights" },
  ...{ ...small, contextLength: 1024, batch: 4, seq: 256, stepsPerRound: 1 },
};
