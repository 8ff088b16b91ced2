/**
 * A random program that has a model read and write texts as nobody should: all at once, with the wrong arguments, stopped
 * and disposed of in between. Any error of the package is right; a crash, an error of JavaScript's own, a promise that stays
 * open and a wrong number are not.
 *
 * @module
 */
import {
  type Adapter,
  createAdapter,
  GPT2,
  GPT2Config,
  type HookOptions,
  type InterventionFunction,
  type Tensor,
  type Text,
} from "../../mod.ts";
import { add, scale } from "../../src/ops.ts";
import { eventLoopTurn } from "../../src/base/event_loop.ts";
import type { Outcome, RandomCall } from "./random_program.ts";
import { RandomTextArguments, tokenizer } from "./random_text_arguments.ts";

const PROBE = [5, 0, 200, 7, 7, 9];

/** Without kernels of our own, texts that are computed together are summed in another order. */
const TOLERANCE = 1e-4;

/** One program: the same calls for the same seed, so far as they do not depend on what is ready first. */
export async function makeRandomTextCalls(
  seed: number,
  trace: (call: string) => void = () => {},
): Promise<Outcome> {
  const program = new TextProgram(seed, trace);
  try {
    return await program.make();
  } finally {
    program.removeFiles();
  }
}

class TextProgram extends RandomTextArguments {
  readonly #model = this.#newModel();
  readonly #drafts: GPT2[] = [];
  readonly #texts: Text[] = [];
  readonly #adapters: Adapter[] = [];
  readonly #expectations: (() => Promise<void>)[] = [];
  #folder: string | undefined;
  #isModelDisposed = false;
  /** Of a graph that may be gone. */
  #lastActivation: Tensor | undefined;

  async make(): Promise<Outcome> {
    const { logits: before } = await this.#model.forward(PROBE);
    const numCalls = this.number(6, 30);
    for (let i = 0; i < numCalls; i++) {
      if (this.#texts.length === 0 && this.chance(0.4)) {
        await this.call(["open", () => this.#open()]);
        if (this.chance(0.5)) await this.settle();
      }
      await this.call(this.choose(this.#calls));
    }
    await this.settle();
    if (!this.#isModelDisposed) {
      await this.#checkTexts();
      this.#compare("the first logits", before, (await this.#model.forward(PROBE)).logits);
    }
    const owners = [...this.#texts, ...this.#drafts, ...this.#adapters, this.#model];
    if (this.chance(0.3)) owners.reverse();
    for (const owner of owners) if (this.chance(0.95)) owner[Symbol.dispose]();
    return this.outcome;
  }

  removeFiles(): void {
    if (this.#folder !== undefined) Deno.removeSync(this.#folder, { recursive: true });
  }

  readonly #calls: RandomCall[] = [
    ...this.times<RandomCall>(2, ["open", () => this.#open()]),
    ...this.times<RandomCall>(4, ["append", () => this.#append()]),
    ...this.times<RandomCall>(4, ["look", () => this.#look()]),
    ...this.times<RandomCall>(3, ["next", () => this.#next()]),
    ...this.times<RandomCall>(2, ["Text.generate", () => this.#generateText()]),
    ...this.times<RandomCall>(3, ["fork", () => this.#fork()]),
    ...this.times<RandomCall>(2, ["truncate", () => this.#truncate()]),
    ["save", () => this.#save()],
    ["restore", () => this.#restore()],
    ...this.times<RandomCall>(3, ["dispose text", () => this.#disposeText()]),
    ["explore", () => this.#explore()],
    ...this.times<RandomCall>(2, ["forward", () => this.#forward()]),
    ...this.times<RandomCall>(2, ["generate", () => this.#generate()]),
    ...this.times<RandomCall>(2, ["loadAdapter", () => this.#loadAdapter()]),
    ["dispose adapter", () => this.#adapter()[Symbol.dispose]()],
    ["many", () => this.chance(0.2) && this.#many()],
    ...this.times<RandomCall>(2, ["abort", () => this.choose(this.controllers)?.abort()]),
    ...this.times<RandomCall>(3, ["turn", () => eventLoopTurn()]),
    ["wait", () => this.chance(0.3) && new Promise((resolve) => setTimeout(resolve, 2))],
    ["settle", () => this.settle()],
    ["dispose model", () => this.chance(0.15) && this.#disposeModel()],
  ];

  #newModel(): GPT2 {
    const headDim = this.choose([8, 16, 16, 64]);
    const config = new GPT2Config({
      vocabSize: 264,
      contextLength: this.choose([12, 12, 30, 100]),
      embeddingDim: 2 * headDim,
      numHeads: 2,
      numLayers: 1,
    });
    return new GPT2(config, { seed: 1, threads: 1, tokenizer });
  }

  #disposeModel(): void {
    this.#isModelDisposed = true;
    this.#model[Symbol.dispose]();
  }

  #open(): void {
    const prompt = this.chance(0.1) ? undefined : this.prompt(10);
    this.#keep(this.#model.open(prompt, this.#options()));
  }

  #append(): void {
    const [text, tokens] = [this.#text(), this.prompt(4)];
    const hooks = this.chance(0.2) ? this.#hooks(false) : {};
    this.run(text.append(tokens, { ...this.#options(), ...hooks }));
    if (Array.isArray(tokens) && this.chance(0.1)) tokens.length = 0;
  }

  #look(): void {
    const [text, options] = [this.#text(), this.signalOption()];
    this.run(
      this.choose([
        () => text.logits(options),
        () => text.logProbabilities(options),
        () => text.likeliest(this.wild(this.number(1, 5)), options),
        () => Promise.resolve([text.text, text.tokens, text.length]),
      ])(),
    );
  }

  #next(): void {
    this.run(this.#text().next({ ...this.sampling(), ...this.signalOption() }));
  }

  #generateText(): void {
    const generated = this.#text().generate(this.#generateOptions(false));
    this.#iterate(generated);
  }

  #fork(): void {
    this.#texts.push(this.#text().fork());
  }

  #truncate(): void {
    const text = this.#text();
    text.truncate(this.wild(this.number(0, text.length)));
  }

  #save(): void {
    this.run(this.#text().save(this.#path(), this.signalOption()));
  }

  #restore(): void {
    this.#keep(this.#model.restore(this.#path(), this.signalOption()));
  }

  /** Mostly it is not used after that, but goes on with what was begun. */
  #disposeText(): void {
    const text = this.#text();
    text[Symbol.dispose]();
    if (this.chance(0.9)) this.#texts.splice(this.#texts.indexOf(text), 1);
  }

  #explore(): void {
    const options = {
      width: this.wild(this.number(1, 3)),
      depth: this.wild(this.number(1, 3)),
      minProbability: this.wild(this.choose([0, 0.001, 0.1]), 0.1),
      ...this.signalOption(),
    };
    // A tree of all texts that there are is not what is tried here.
    if (Number(options.width) > 3) options.depth = 1;
    else if (Number(options.depth) > 3) options.width = 1;
    this.run(this.#model.explore(this.prompt(), options));
  }

  #forward(): void {
    const texts = Array.from({ length: this.number(1, 4) }, () => this.tokens(1, 14));
    const targets = this.chance(0.2) ? this.wild(texts, 0.2) : undefined;
    const logits = this.wild(this.choose(["all", "last", "none"] as const));
    const given = this.wild(this.chance(0.3) ? texts[0] : texts);
    const hooks = this.chance(0.3) ? this.#hooks() : {};
    const options = { targets, logits, ...hooks, ...this.signalOption() };
    const forward = this.#model.forward(given, options);
    const copy = [...texts[0]];
    if (this.chance(0.1)) texts[0].length = 0;
    this.run(forward.then(({ logits: computed, shape: [_batch, seq, vocab] }) => {
      if (hooks.intervene !== undefined || seq === 0 || (given !== texts && given !== texts[0])) {
        return;
      }
      const index = Math.min(seq, copy.length) - 1;
      const last = computed.slice(index * vocab, (index + 1) * vocab);
      this.#expectations.push(async () => {
        const alone = await this.#model.forward(copy, { logits: "last" });
        this.#compare(`forward() of ${copy}`, last, alone.logits);
      });
    }));
  }

  #generate(): void {
    const prompts = Array.from({ length: this.number(0, 4) }, () => this.prompt());
    const options = {
      ...this.#generateOptions(),
      numReturnSequences: this.wild(this.number(1, 3)),
      batchSize: this.chance(0.5) ? this.wild(this.number(1, 4), 0.1) : undefined,
      overflow: this.chance(0.3) ? "crop" as const : undefined,
      ...this.#adapterOptions(),
    };
    const given = this.wild(this.chance(0.3) ? this.prompt() : prompts);
    if (this.chance(0.4)) this.run(this.#model.generateText(given as string[], options));
    else this.#iterate(this.#model.generate(given, options));
  }

  #loadAdapter(): void {
    const rank = this.wild(this.number(1, 9));
    const weights = createAdapter(this.#model.config, { rank, seed: this.number(0, 3) });
    for (const { up } of weights.weights) up.fill(0.1);
    this.run(this.#model.loadAdapter(weights).then((adapter) => this.#adapters.push(adapter)));
  }

  #adapter(): Adapter {
    if (this.#adapters.length > 0) return this.choose(this.#adapters);
    throw new RangeError("Cannot use an adapter: there is none yet");
  }

  /** Of any age, perhaps disposed of, or none at all. */
  #adapterOptions() {
    if (this.#adapters.length === 0 || this.chance(0.3)) return {};
    const scaled = () => ({ adapter: this.#adapter(), scale: this.wild(this.number(-1, 2)) });
    const adapters = Array.from(
      { length: this.number(0, 2) },
      () => this.chance(0.5) ? this.wild(this.#adapter()) : scaled(),
    );
    return { adapters: this.wild(adapters) };
  }

  /** Very many texts at once. */
  #many(): void {
    const numTexts = this.number(50, 700);
    this.choose([
      () => this.run(this.#model.forward(this.times(numTexts, [1, 2]), { logits: "last" })),
      () => {
        for (let i = 0; i < numTexts / 4; i++) this.#keep(this.#model.open([i]));
      },
      () => {
        const text = this.#text();
        for (let i = 0; i < numTexts / 4; i++) {
          const fork = text.fork();
          if (this.chance(0.1)) this.run(fork.append([1]));
          if (this.chance(0.5)) fork[Symbol.dispose]();
          else this.#texts.push(fork);
        }
      },
      () => {
        const options = { maxNewTokens: 2, numReturnSequences: numTexts, ...this.signalOption() };
        this.run(this.#model.generateText(["he"], options));
      },
    ])();
  }

  #iterate(generated: AsyncGenerator<unknown, void>): void {
    const take = this.choose([
      () => this.takeSome(generated),
      () => this.takeSome(generated),
      () => Array.fromAsync(generated),
      () => Promise.all([generated.next(), generated.next(), generated.return()]),
      async () => {
        await generated.next();
        this.choose(this.#texts)?.[Symbol.dispose]();
        await generated.next();
        await generated.throw(new RangeError("Cannot go on: left"));
      },
    ]);
    this.run(take());
  }

  #generateOptions(mayStream = true) {
    return {
      ...this.sampling(),
      maxNewTokens: this.number(0, 6),
      ...(this.chance(0.3) ? this.constraint() : {}),
      ...(this.chance(0.2) ? { stop: this.wild(this.choose(["e", "", ["he", "a"]])) } : {}),
      ...(this.chance(0.2) ? { ignoreEndOfText: this.wild(true) } : {}),
      ...(this.chance(0.2) ? { topLogProbabilities: this.wild(2) } : {}),
      ...(this.chance(0.2) ? this.tokenRules() : {}),
      ...(mayStream && this.chance(0.15) ? this.beams() : {}),
      ...(this.chance(0.2) ? this.#speculation() : {}),
      ...(this.chance(0.15) ? this.#hooks(mayStream) : {}),
      ...(mayStream ? this.#options() : this.signalOption()),
    };
  }

  /** Guesses of another model, which is disposed of sometime, or of the text itself. */
  #speculation() {
    if (this.chance(0.4)) return { speculate: this.wild("lookup" as const) };
    if (this.#drafts.length === 0) this.#drafts.push(this.#newModel());
    const [model] = this.#drafts;
    if (this.chance(0.2)) queueMicrotask(() => model[Symbol.dispose]());
    return { draft: this.wild(this.choose([model, model, this.#model])) };
  }

  /** Some of what may be looked at and changed; a text that is kept is not changed, so that it can be checked. */
  #hooks(mayChange = true): HookOptions {
    const name = () =>
      this.wild(
        this.choose(["*", "blocks.0.residual", "blocks.*.*.weights", "logits", "blocks.0.mlp.*"]),
      );
    const names = [name(), name()];
    const positions = this.choose([undefined, "last" as const, [this.number(-4, 12)]]);
    const capture = this.chance(0.5) ? names : this.wild({ names, positions });
    if (!mayChange || this.chance(0.4)) return { capture };
    const text = this.choose(this.#texts);
    const earlier = this.#lastActivation;
    const change = this.choose<InterventionFunction>([
      (x) => this.#lastActivation = x,
      (x) => scale(x, 0.5),
      (x) => add(x, earlier ?? x),
      () => this.wild(earlier!, 0.5),
      (x, { choose }) => choose(x, scale(x, 2), ({ position }) => this.wild(position > 2)),
      (x, { writeRows }) => writeRows(x, (_, row) => row.fill(1).length > this.number(1, 40)),
      (x, { input }) => add(x, input(this.wild(x.shape.slice(-1)), () => new Float32Array(2))),
      (x) => {
        text?.[Symbol.dispose]();
        if (this.chance(0.1)) this.#disposeModel();
        return x;
      },
      (x) => {
        this.run(this.#model.forward([1, 2]));
        throw new RangeError(`Cannot change ${x}: told to stop`);
      },
    ]);
    const during = this.choose([undefined, "prompt" as const, "continuation" as const]);
    const place = {
      change: change,
      during,
      positions: this.wild(this.choose([undefined, [-1]])),
      texts: this.wild([0]),
    };
    const intervene = { [name()]: this.choose([change, [change, place], this.wild(place)]) };
    return { intervene, ...(this.chance(0.5) && { capture }) };
  }

  /** Those of what reads; what is called meanwhile may do anything. */
  #options() {
    const text = this.choose(this.#texts);
    const onProgress = this.choose([
      ...this.times(12, undefined),
      () => text?.[Symbol.dispose](),
      () => text?.truncate(0),
      () => this.choose(this.controllers)?.abort(),
      () => text && this.run(text.append([1])),
      () => {
        throw new RangeError("Cannot go on: told to stop");
      },
    ]);
    return { ...(onProgress && { onProgress }), ...this.signalOption() };
  }

  #path(): string {
    this.#folder ??= Deno.makeTempDirSync();
    const path = `${this.#folder}/${this.number(1, 2)}`;
    const wild = this.wild(path);
    // Any other text is the path of a file where the tests run.
    return typeof wild === "string" && wild !== "" ? path : wild;
  }

  /** Mostly the last one. */
  #text(): Text {
    const last = this.#texts.at(-1);
    if (last === undefined) throw new RangeError("Cannot use a text: there is none yet");
    return this.chance(0.5) ? last : this.choose(this.#texts);
  }

  /** A text that will be there. */
  #keep(opened: Promise<Text>): void {
    this.run(opened.then((text) => this.#texts.push(text)));
  }

  async #checkTexts(): Promise<void> {
    for (const text of this.#texts) {
      const { tokens } = text;
      let logits: Float32Array;
      try {
        logits = await text.logits();
      } catch (error) {
        this.fail(error);
        continue;
      }
      const { logits: alone } = await this.#model.forward(tokens, { logits: "last" });
      this.#compare(`a text of ${tokens}`, logits, alone);
    }
    for (const check of this.#expectations) await check();
  }

  #compare(what: string, actual: Float32Array, expected: Float32Array): void {
    const isClose = actual.length === expected.length &&
      actual.every((value, i) => Math.abs(value - expected[i]) <= TOLERANCE);
    if (!isClose) {
      throw new Error(`Wrong logits: ${what}: ${actual.slice(0, 4)}, not ${expected.slice(0, 4)}`);
    }
  }
}
