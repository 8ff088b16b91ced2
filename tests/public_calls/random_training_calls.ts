/**
 * A random program that trains a model while it writes, scores and asks for gradients, with adapters that come and go: all at
 * once, with the wrong arguments, stopped and disposed of in between. Any error of the package is right; a crash, an error of
 * JavaScript's own, a promise that stays open and a wrong number are not.
 *
 * @module
 */
import {
  type Adapter,
  type AdapterTarget,
  createAdapter,
  GPT2,
  GPT2Config,
  type HookOptions,
  type InterventionFunction,
} from "../../mod.ts";
import { constant, scale } from "../../src/ops.ts";
import { Trainer, type TrainerOptions } from "../../src/train.ts";
import { numElements } from "../../src/tensor/shape.ts";
import { eventLoopTurn } from "../../src/base/event_loop.ts";
import type { Outcome, RandomCall } from "./random_program.ts";
import { RandomTextArguments, tokenizer } from "./random_text_arguments.ts";

const PROBE = [5, 0, 200, 7, 7, 9];
const VOCAB_SIZE = 264;

/** How far the loss of gradients may be from that of `forward()`, whose operations are others. */
const TOLERANCE = 1e-4;

/** One program: the same calls for the same seed, so far as they do not depend on what is ready first. */
export async function makeRandomTrainingCalls(
  seed: number,
  trace: (call: string) => void = () => {},
): Promise<Outcome> {
  return await new TrainingProgram(seed, trace).make();
}

class TrainingProgram extends RandomTextArguments {
  readonly #model = this.#newModel();
  readonly #trainers: Trainer[] = [];
  readonly #adapters: Adapter[] = [];
  #isModelDisposed = false;

  async make(): Promise<Outcome> {
    const numCalls = this.number(6, 30);
    for (let i = 0; i < numCalls; i++) {
      if (this.#trainers.length === 0 && this.chance(0.3)) {
        await this.call(["new Trainer", () => this.#newTrainer()]);
      }
      await this.call(this.choose(this.#calls));
    }
    await this.settle();
    if (!this.#isModelDisposed) {
      await this.#model.useAdapters([]);
      await this.#checkLoss();
    }
    const owners = [...this.#trainers, ...this.#adapters, this.#model];
    if (this.chance(0.3)) owners.reverse();
    for (const owner of owners) if (this.chance(0.95)) owner[Symbol.dispose]();
    return this.outcome;
  }

  readonly #calls: RandomCall[] = [
    ...this.times<RandomCall>(3, ["new Trainer", () => this.#newTrainer()]),
    ...this.times<RandomCall>(5, ["step", () => this.run(this.#trainer().step())]),
    ...this.times<RandomCall>(2, ["train", () => this.run(this.takeSome(this.#trainer()))]),
    ["memory", () => this.#trainer().memory],
    ["evaluate", () => this.#evaluate()],
    ...this.times<RandomCall>(2, ["dispose trainer", () => this.#trainer()[Symbol.dispose]()]),
    ...this.times<RandomCall>(4, ["gradients", () => this.#gradients()]),
    ...this.times<RandomCall>(3, ["loadAdapter", () => this.#loadAdapter()]),
    ["read adapter", () => this.#adapter().read()],
    ["dispose adapter", () => this.#adapter()[Symbol.dispose]()],
    ["useAdapters", () => this.run(this.#model.useAdapters(this.#someAdapters()))],
    ...this.times<RandomCall>(2, ["forward", () => this.#forward()]),
    ...this.times<RandomCall>(2, ["generate", () => this.#generate()]),
    ["score", () => this.#score()],
    ["open", () => this.#open()],
    ...this.times<RandomCall>(2, ["abort", () => this.choose(this.controllers)?.abort()]),
    ...this.times<RandomCall>(3, ["turn", () => eventLoopTurn()]),
    ["settle", () => this.settle()],
    ["dispose model", () => this.chance(0.15) && this.#disposeModel()],
  ];

  #newModel(): GPT2 {
    const config = new GPT2Config({
      vocabSize: VOCAB_SIZE,
      contextLength: this.choose([12, 30]),
      embeddingDim: this.choose([16, 32, 128]),
      numHeads: 2,
      numLayers: this.number(1, 2),
    });
    return new GPT2(config, { seed: 1, threads: 1, tokenizer });
  }

  #disposeModel(): void {
    this.#isModelDisposed = true;
    this.#model[Symbol.dispose]();
  }

  #newTrainer(): void {
    const [batchSize, seqLength] = [this.number(1, 3), this.number(1, 12)];
    const options: TrainerOptions = {
      batchSize: this.wild(batchSize, 0.02),
      seqLength: this.wild(seqLength, 0.02),
      numSteps: this.wild(this.number(1, 4), 0.02),
      learningRate: this.wild(0.01),
      ...this.chance(0.2) && { accumulation: this.wild(this.number(1, 3)) },
      ...this.chance(0.2) && { dropout: this.wild(0.3) },
      ...this.chance(0.2) && { precision: this.wild("bf16" as const) },
      ...this.chance(0.2) &&
        { freeze: this.wild([this.choose(["*Embedding", "blocks.0.*", "*"])]) },
      ...this.chance(0.2) && { gradientClip: this.wild(0.1), weightDecay: this.wild(0) },
      ...this.chance(0.1) && { betas: this.wild([0.5, 0.5] as const, 0.3) },
      ...this.chance(0.3) && { captureGradients: this.wild([this.#activation()]) },
      ...this.chance(0.3) && this.#hooks(),
      ...this.signalOption(),
    };
    if (this.#adapters.length > 0 && this.chance(0.5)) options.adapter = this.wild(this.#adapter());
    const data = { batch: () => this.#batch(batchSize * seqLength) };
    // Right ones, and of no use: the weights would be no numbers any more.
    if (Number(options.learningRate) > 1) options.learningRate = 0.01;
    if (Number(options.weightDecay) > 1) options.weightDecay = 0;
    const trainer = new Trainer(this.wild(this.#model, 0.02), this.wild(data, 0.02), options);
    this.#trainers.push(trainer);
  }

  /** Mostly one that can be learned from. */
  #batch(size: number) {
    if (this.chance(0.05)) this.choose(this.#trainers)?.[Symbol.dispose]();
    const ids = () => Int32Array.from({ length: size }, () => this.number(0, VOCAB_SIZE - 1));
    const [tokens, targets] = [ids(), ids()];
    if (this.chance(0.3)) targets[0] = -1;
    if (this.chance(0.03)) tokens[0] = this.number(-2, 300);
    const batch = { tokens: this.wild(tokens, 0.02), targets: this.wild(targets, 0.02) };
    return this.wild(batch, 0.02);
  }

  #evaluate(): void {
    const trainer = this.#trainer();
    const { batchSize, seqLength } = trainer.settings;
    const size = Math.min(batchSize, 4) * seqLength;
    const validation = this.wild([this.#batch(size), this.#batch(size)], 0.1);
    this.run(trainer.evaluate({ ...this.chance(0.9) && { validation }, ...this.signalOption() }));
  }

  #gradients(): void {
    const texts = Array.from({ length: this.number(1, 3) }, () => this.tokens(1, 12));
    const name = () =>
      this.wild(this.choose([this.#activation(), "blocks.*.*.weight", "tokenEmbedding", "*"]));
    const measure = this.choose([
      {},
      { targets: this.wild(texts) },
      { answer: this.wild(7), against: this.wild(this.choose([undefined, 7, 8])) },
      { answer: 3, position: this.wild(this.number(-3, 12)) },
    ]);
    const options = {
      of: this.wild([name(), name()], 0.03),
      ...measure,
      ...this.chance(0.3) && this.#hooks(),
      ...this.#adapterOptions(),
      ...this.signalOption(),
    };
    const gradients = this.#model.gradients(this.wild(texts, 0.03), options);
    if (this.chance(0.1)) texts[0].length = 0;
    this.run(gradients.then(({ value, gradients }) => {
      if (!Number.isFinite(value)) throw new Error(`Wrong value: ${value}`);
      // What is behind the end of a shorter text is no number, and nothing else.
      for (const [name, { data }] of gradients) {
        if (data.every(Number.isNaN)) throw new Error(`Wrong gradients of ${name}`);
      }
    }));
  }

  #loadAdapter(): void {
    const targets = this.choose<AdapterTarget[] | undefined>([
      undefined,
      ["qkvProjection", "outputProjection"],
      ["mlpProjection"],
    ]);
    const options = { rank: this.wild(this.number(1, 5)), seed: this.number(0, 3) };
    const weights = createAdapter(this.#model.config, { ...options, ...targets && { targets } });
    if (this.chance(0.7)) { for (const { up } of weights.weights) up.fill(0.1); }
    this.run(this.#model.loadAdapter(weights).then((adapter) => this.#adapters.push(adapter)));
  }

  #forward(): void {
    const texts = Array.from({ length: this.number(1, 3) }, () => this.tokens(1, 12));
    const options = { targets: this.chance(0.3) ? texts : undefined, ...this.#callOptions() };
    this.run(this.#model.forward(texts, options));
  }

  #generate(): void {
    const options = {
      ...this.sampling(),
      maxNewTokens: this.number(0, 6),
      ...this.chance(0.2) && this.constraint(),
      ...this.chance(0.2) && { speculate: "lookup" as const },
      ...this.#callOptions(),
    };
    this.run(this.takeSome(this.#model.generate([this.prompt(), this.prompt()], options)));
  }

  #score(): void {
    const options = { ...this.#adapterOptions(), ...this.signalOption() };
    this.run(
      this.choose([
        () => this.#model.score(this.prompt(), options),
        () => this.#model.scoreContinuations(this.prompt(), [this.prompt(4), " he"], options),
      ])(),
    );
  }

  /** A text that is read with adapters goes on with them. */
  #open(): void {
    const options = { ...this.#adapterOptions(), ...this.signalOption() };
    this.run(
      this.#model.open(this.prompt(6), options).then(async (text) => {
        using _closed = text;
        const drafts = this.chance(0.5) ? { speculate: "lookup" as const } : {};
        await this.takeSome(text.generate({ ...this.sampling(), ...drafts, maxNewTokens: 4 }));
      }),
    );
  }

  #callOptions() {
    const hooks = this.chance(0.2) ? this.#hooks() : {};
    return { ...hooks, ...this.#adapterOptions(), ...this.signalOption() };
  }

  #hooks(): HookOptions {
    const dim = this.#model.config.embeddingDim;
    const change = this.choose<InterventionFunction>([
      (x) => x,
      (x) => scale(x, 0.5),
      (x, { input }) => input(x.shape, () => new Float32Array(numElements(x.shape))),
      (x) => constant(new Float32Array(dim), [dim], x),
      (x, { choose }) => choose(x, scale(x, 2), ({ position }) => position > 2),
      (x) => {
        this.choose(this.#trainers)?.[Symbol.dispose]();
        throw new RangeError(`Cannot change ${x}: told to stop`);
      },
    ]);
    return {
      ...this.chance(0.6) && { capture: this.wild([this.#activation()]) },
      ...this.chance(0.4) && { intervene: { [this.#activation()]: change } },
    };
  }

  #activation(): string {
    return this.wild(
      this.choose(["blocks.0.residual", "blocks.*.attention.weights", "logits", "blocks.*.mlp.*"]),
    );
  }

  #trainer(): Trainer {
    const last = this.#trainers.at(-1);
    if (last === undefined) throw new RangeError("Cannot use a trainer: there is none yet");
    return this.chance(0.6) ? last : this.choose(this.#trainers);
  }

  #adapter(): Adapter {
    if (this.#adapters.length > 0) return this.choose(this.#adapters);
    throw new RangeError("Cannot use an adapter: there is none yet");
  }

  /** Of any age, perhaps disposed of. */
  #someAdapters() {
    if (this.#adapters.length === 0) return [];
    const scaled = () => ({ adapter: this.#adapter(), scale: this.wild(this.number(-1, 2)) });
    return Array.from(
      { length: this.number(0, 2) },
      () => this.chance(0.5) ? this.wild(this.#adapter()) : scaled(),
    );
  }

  #adapterOptions() {
    return this.chance(0.4) ? { adapters: this.wild(this.#someAdapters()) } : {};
  }

  /** After all this the model computes the same in both ways: nothing of what was stopped is left in it. */
  async #checkLoss(): Promise<void> {
    const { loss } = await this.#model.forward(PROBE.slice(0, -1), { targets: PROBE.slice(1) });
    const { value } = await this.#model.gradients(PROBE, { of: ["blocks.0.residual"] });
    if (Math.abs(value - loss!) <= TOLERANCE * Math.max(1, value)) return;
    throw new Error(`Wrong loss: ${value}, where forward() computes ${loss}`);
  }
}
