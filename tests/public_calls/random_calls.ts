/**
 * A random program that uses the package as nobody should: with the wrong arguments, at the wrong time, after the end. Any
 * error is right; that the process ends is not.
 *
 * @module
 */
import {
  Backend,
  einsum,
  findDevices,
  GPT2,
  GPT2Config,
  Graph,
  memoryOf,
  rearrange,
  reduce,
  repeat,
  type Shape,
  type Tensor,
  unstack,
} from "../../mod.ts";
import * as ops from "../../src/ops.ts";
import { type Outcome, type RandomCall, RandomProgram } from "./random_program.ts";

/** A tensor and the graph that it came from, if the program knows. */
interface Known {
  readonly tensor: Tensor;
  readonly graph: Graph;
}

const DTYPES = [
  ...["f32", "f32", "f32", "f32", "i32", "i32", "f16", "bf16", "q8_0", "q4_0", "q6_k", "f64"],
  ...["i8", "i16", "i64", "q2_k", "q5_1", "none"],
];

const PATTERNS: readonly [pattern: string, sizes?: Record<string, number>][] = [
  ["a b -> b a"],
  ["a b -> (a b)"],
  ["a (b c) -> b a c", { b: 2 }],
  ["a b c -> c a b"],
  ["... a -> a ..."],
  ["a b c d -> (a d) b c"],
  ["(a b) c -> a b c", { a: 3 }],
  ["a b -> a b 1"],
  ["a ->"],
];

const sameShape = (x: Tensor, y: Tensor) => String(x) === String(y);

const SUMS = [
  "a b, c b -> a c",
  "a b, b c -> a c",
  "a b c, a d c -> a b d",
  "a b, a b ->",
  "a a -> a",
  "a b, b -> a",
];

/**
 * One program: the same calls for the same seed, so far as they do not depend on what is ready first. It builds a few
 * graphs, most of them as they should be, and computes them; now and then comes a call that has no place there.
 */
export async function makeRandomCalls(
  seed: number,
  trace: (call: string) => void = () => {},
): Promise<Outcome> {
  const program = new Program(seed, trace);
  for (let i = 0; i < NUM_GRAPHS; i++) await program.buildAndCompute();
  return await program.end();
}

const NUM_GRAPHS = 3;
const NUM_OPERATIONS = 25;
const NUM_USES = 12;

/** How many calls in a hundred are any that there are. */
const ANY_CALL = 0.12;

class Program extends RandomProgram {
  readonly #backends: Backend[] = [];
  readonly #graphs: Graph[] = [];
  readonly #known: Known[] = [];
  readonly #models: GPT2[] = [];

  /** The calls for one graph. */
  async buildAndCompute(): Promise<void> {
    await this.call(["new Graph", () => this.#newGraph()]);
    for (let i = 0; i < 3; i++) await this.call(["input", () => this.#input()]);
    for (let i = 0; i < NUM_OPERATIONS; i++) await this.#callOneOf(this.#building);
    for (let i = 0; i < 3; i++) await this.call(["output", () => this.#output()]);
    await this.call(["allocate", () => this.#graph().allocate()]);
    await this.call(["whole", () => this.#whole()]);
    for (let i = 0; i < NUM_USES; i++) await this.#callOneOf(this.#using);
  }

  async #callOneOf(calls: readonly RandomCall[]): Promise<void> {
    await this.call(this.choose(this.chance(ANY_CALL) ? this.#anything : calls));
  }

  /** Waits for what is running, and disposes of some of what there is. */
  async end(): Promise<Outcome> {
    await this.settle();
    for (const owner of [...this.#models, ...this.#graphs, ...this.#backends]) {
      if (this.chance(0.9)) owner[Symbol.dispose]();
    }
    return this.outcome;
  }

  readonly #building: RandomCall[] = [
    ["input", () => this.#input()],
    ...this.times<RandomCall>(6, ["operation", () => this.#operation()]),
    ...this.times<RandomCall>(2, ["attention", () => this.#attention()]),
    ...this.times<RandomCall>(2, ["einops", () => this.#einops()]),
    ...this.times<RandomCall>(3, ["lookup", () => this.#lookup()]),
    ["output", () => this.#output()],
    ["constant", () => this.#know(this.#graph(), (g) => g.constant([2], [1, this.number(0, 9)]))],
  ];

  readonly #using: RandomCall[] = [
    ["write", () => this.#write()],
    ["read", () => this.#read()],
    ["compute", () => this.#compute()],
    ["computeAsync", () => this.#computeAsync()],
    ["whole", () => this.#whole()],
    ["settle", () => this.settle()],
    ["model", () => this.#useModel()],
  ];

  readonly #anything: RandomCall[] = [
    ...this.#building,
    ...this.#using,
    ["Backend.cpu", () => this.#backends.push(this.#newBackend())],
    ["new Graph", () => this.#newGraph()],
    ["allocate", () => this.#graph().allocate()],
    ["expand", () => this.#graph().expand(this.#tensor())],
    ["properties", () => this.#properties()],
    ...this.times<RandomCall>(3, ["forge", () => this.#forge()]),
    ["dispose graph", () => this.#graph()[Symbol.dispose]()],
    ["dispose backend", () => this.chance(0.4) && this.#backend()[Symbol.dispose]()],
    ["whenIdle", () => this.#backend().whenIdle(() => {})],
    ["abort", () => this.choose(this.controllers)?.abort()],
    ["devices", () => findDevices().map(memoryOf)],
    ["new GPT2", () => this.#newModel()],
  ];

  /** Threads look out for work for a while, each on a processor: mostly there is one. */
  #newBackend(): Backend {
    return Backend.cpu({ threads: this.wild(this.chance(0.1) ? 2 : 1, 0.03) });
  }

  #newGraph(): void {
    const maxNodes = this.chance(0.1) ? this.wild(this.number(1, 40)) : undefined;
    const attention = this.choose(["fused", "explicit", undefined] as const);
    this.#graphs.push(new Graph(this.wild(this.#backend(), 0.02), { maxNodes, attention }));
  }

  #input(): void {
    const dtype = this.choose(DTYPES) as "f32";
    const shape = this.wild(this.#shape(/^q/.test(dtype)), 0.05);
    this.#know(this.#graph(), (graph) => graph.input(shape, dtype, this.wild("x", 0.02)));
  }

  /** What fits together, but for now and then. */
  #attention(): void {
    const graph = this.#graph();
    const [batch, heads, seqQ, seqK] = [1, 2, 3, 4].map(() => this.number(1, 3));
    const headDim = this.choose([1, 8, 16, 32]);
    const dtype = this.choose(["f32", "f16", "bf16", "q8_0", "i32"]) as "f32";
    const input = (shape: Shape, dtype: "f32") => {
      this.#know(graph, () => graph.input(this.wild(shape, 0.03), dtype, "x"));
      return this.#known[this.#known.length - 1].tensor;
    };
    const query = input([batch, heads, seqQ, headDim], "f32");
    const [key, value] = [dtype, dtype].map((type) => input([batch, heads, seqK, headDim], type));
    const mask = input([this.choose([1, batch]), 1, seqQ, seqK], "f16" as "f32");
    this.#knowLike(query, ops.flashAttention(query, key, value, mask, this.wild(0.3)));
    const scores = ops.matmul(key, query);
    this.#knowLike(query, scores);
    this.#knowLike(query, ops.softmax(scores, mask, this.wild(0.3)));
  }

  #operation(): void {
    const x = this.#tensor(({ dtype }) => dtype === "f32");
    const y = this.#tensor(({ shape }) => shape.at(-1) === x.shape.at(-1));
    const z = this.#tensor(({ shape }) => shape.at(-1) === x.shape.at(-1));
    const other = this.choose(this.#known.filter(({ tensor }) => sameShape(tensor, x))).tensor;
    const mask = this.#tensor(({ dtype }) => dtype === "f16");
    const n = this.wild(this.number(0, 4), 0.15);
    const m = this.wild(this.number(0, 6), 0.15);
    const axes = x.shape.map((_, i) => i).sort(() => this.chance(0.5) ? -1 : 1);
    const shape = this.wild(this.#shape(), 0.1);
    const operations: [string, () => Tensor][] = [
      ["add", () => ops.add(x, y)],
      ["addSelf", () => ops.add(x, x)],
      ["multiply", () => ops.multiply(x, y)],
      ["divide", () => ops.divide(x, other)],
      ["scale", () => ops.scale(x, n, m)],
      ["square", () => ops.square(x)],
      ["silu", () => ops.silu(x)],
      ["gelu", () => ops.gelu(x)],
      ["exactGelu", () => ops.exactGelu(x)],
      ["layerNorm", () => ops.layerNorm(x, y, z, this.choose([1e-5, 0, -1, NaN]))],
      ["softmax", () => ops.softmax(x, this.chance(0.5) ? undefined : mask, n)],
      ["flashAttention", () => ops.flashAttention(x, y, this.chance(0.5) ? y : z, mask, m)],
      ["matmul", () => ops.matmul(x, this.chance(0.5) ? x : y)],
      ["sumLastAxis", () => ops.sumLastAxis(x)],
      ["broadcastTo", () => ops.broadcastTo(x, this.chance(0.5) ? x.shape : shape)],
      ["topK", () => ops.topK(ops.reshape(x, [1, x.size]), n)],
      ["constant", () => ops.constant(this.wild([1, 2, 3]), this.wild([3]), x)],
      ["reshape", () => ops.reshape(x, this.chance(0.5) ? [x.size] : shape)],
      ["permute", () => ops.permute(x, this.wild(axes))],
      ["slice", () => ops.slice(x, this.wild(this.number(0, x.shape.length - 1)), n, m)],
      ["splitAxis", () => ops.splitAxis(x, this.wild(0), this.wild([n, m]))],
      ["mergeAxes", () => ops.mergeAxes(x, this.wild(0), this.wild(2))],
      ["contiguous", () => ops.contiguous(x)],
      ["copy", () => ops.copy(x)],
      ["diagonal", () => ops.diagonal(x)],
    ];
    const [name, make] = this.choose(operations);
    this.trace(`  ${name} ${x} ${y}`);
    this.#knowLike(x, make());
  }

  #einops(): void {
    const [pattern, sizes] = this.choose(PATTERNS);
    const x = this.#tensor(({ shape }) => shape.length === (/c d/.test(pattern) ? 4 : 2));
    const fits = ({ shape }: Tensor) => shape.length === 2 && shape.at(-1) === x.shape.at(-1);
    const wild = this.wild(sizes, 0.1);
    const functions: [string, () => Tensor | Tensor[]][] = [
      ["rearrange", () => rearrange(x, this.wild(pattern, 0.05), wild)],
      ["unstack", () => unstack(x, pattern, wild)],
      ["reduce", () => reduce(x, "a ... -> ...", this.choose(["sum", "max", "prod"]))],
      ["repeat", () => repeat(x, "... -> ... n", { n: this.wild(2) })],
      ["einsum", () => einsum(x, this.#tensor(fits), this.choose(SUMS))],
      ["einsum1", () => einsum(x, this.choose(SUMS))],
    ];
    const [name, make] = this.choose(functions);
    this.trace(`  ${name} ${x} ${pattern}`);
    for (const result of [make()].flat()) this.#knowLike(x, result);
  }

  /** Ids from anywhere in tables of any size. */
  #lookup(): void {
    const x = this.#tensor(({ dtype, shape }) => dtype === "f32" && shape.length === 2);
    const y = this.#tensor(({ dtype, shape }) =>
      dtype === "i32" && (this.chance(0.5) || shape[0] === x.shape[0])
    );
    this.trace(`  ${x} ${y}`);
    this.#knowLike(x, this.chance(0.7) ? ops.lookup(x, y) : ops.pick(x, y));
  }

  #output(): void {
    const { tensor, graph } = this.#knownTensor();
    const owner = this.chance(0.05) ? this.choose(this.#graphs) : graph;
    owner.output(this.wild(tensor, 0.02), this.chance(0.5) ? "y" : undefined);
  }

  #write(): void {
    const { tensor, graph } = this.#knownTensor();
    const owner = this.chance(0.05) ? this.choose(this.#graphs) : graph;
    owner.write(tensor, this.#data(tensor), this.chance(0.1) ? this.wild(4) : 0);
  }

  #read(): void {
    const { tensor, graph } = this.#knownTensor();
    const owner = this.chance(0.05) ? this.choose(this.#graphs) : graph;
    const start = this.wild(this.number(0, 3));
    this.choose([
      () => owner.readF32(tensor),
      () => owner.readF32(tensor, this.wild(new Float32Array(3), 0.2), start),
      () => owner.read(tensor, this.#data(tensor), start),
    ])();
  }

  #compute(): void {
    const graph = this.#graph();
    graph.compute(this.chance(0.2) ? this.wild(this.number(0, 3)) : undefined);
  }

  #computeAsync(): void {
    const graph = this.#graph();
    const newSignal = this.newSignal();
    const signal = this.chance(0.5) ? newSignal : undefined;
    this.run(graph.computeAsync(signal, this.chance(0.1) ? this.wild(2) : undefined));
  }

  /** All inputs and outputs of a graph, as they should be used. */
  async #whole(): Promise<void> {
    if (this.chance(0.7)) await this.settle();
    const graph = this.#graph();
    const own = this.#known.filter((known) => known.graph === graph);
    graph.allocate();
    for (const { tensor } of own) {
      await this.call(["  write", () => graph.write(tensor, this.#data(tensor))]);
    }
    graph.compute();
    for (const { tensor } of own) {
      const read = () => graph.read(tensor, new Uint8Array(tensor.byteLength));
      await this.call(["  read", read]);
    }
  }

  #properties(): void {
    const [backend, graph, x] = [this.#backend(), this.#graph(), this.#tensor()];
    String([backend.name, backend.isBusy, backend.hasExactGelu, backend.usesDevices]);
    String([x, x.size, x.byteLength, x.isContiguous, x.strides, graph.backend.name]);
    String([graph.numNodes, graph.workingBytes, backend.places[0].name, backend.totalBytes]);
    String([graph.operations]);
  }

  /** What TypeScript would not let pass. */
  #forge(): void {
    const [x, backend] = [this.#tensor(), this.#backend()];
    const make = this.choose([
      () => Reflect.construct(x.constructor, [this.wild({}), { shape: [9], dtype: "f32" }]),
      () => Reflect.construct(backend.constructor, [1, [null]]),
      () => Reflect.construct(backend.places[0].constructor, [null, true]),
      () => new Graph(Object.create(Backend.prototype)),
      () => ops.square(Object.create(Object.getPrototypeOf(x))),
      () => (x.shape as number[])[0] = 1000,
      () => Object.assign(x, { dtype: "f32" }),
      () => Reflect.set(x, "shape", [1000]),
      () => Reflect.apply(Backend.gpu, Backend, [this.wild({})]),
      () => Reflect.apply(Backend.rpc, Backend, [this.wild({})]),
      () => memoryOf(this.wild({}) as Parameters<typeof memoryOf>[0]),
    ]);
    const made = make();
    if (made?.constructor === x.constructor) this.#knowLike(x, made);
  }

  #newModel(): void {
    const config = new GPT2Config({
      vocabSize: 40,
      contextLength: 12,
      embeddingDim: 16,
      numHeads: 2,
      numLayers: this.wild(1, 0.1),
    });
    this.#models.push(new GPT2(config, { seed: 1, threads: this.wild(1, 0.1) }));
  }

  #useModel(): void {
    const model = this.choose(this.#models);
    if (model === undefined) return;
    const tokens = Array.from({ length: this.number(0, 14) }, () => this.number(0, 41));
    const signal = this.newSignal();
    const options = { maxNewTokens: this.wild(this.number(0, 4), 0.1), seed: 1, signal };
    const calls: (() => unknown)[] = [
      () => this.run(model.forward(this.wild(tokens, 0.1), { signal })),
      () => this.run(model.forward([tokens, this.wild([1, 2], 0.1)], { targets: tokens })),
      () => this.run(model.generateText([tokens, this.wild([3], 0.1)], options)),
      () => this.run(this.takeSome(model.generate(tokens, options))),
      () => this.chance(0.3) && model[Symbol.dispose](),
      () => model.numParameters(),
    ];
    this.choose(calls)();
  }

  #know(graph: Graph, make: (graph: Graph) => Tensor): void {
    const tensor = make(graph);
    this.trace(`    ${tensor}`);
    this.#known.push({ tensor, graph });
  }

  #knowLike(like: Tensor, tensor: Tensor): void {
    const { graph } = this.#known.find((known) => known.tensor === like)!;
    this.trace(`    ${tensor}`);
    this.#known.push({ tensor, graph });
  }

  #backend(): Backend {
    if (this.#backends.length === 0) this.#backends.push(this.#newBackend());
    return this.choose(this.#backends);
  }

  /** Mostly the last one. */
  #graph(): Graph {
    if (this.#graphs.length === 0) this.#graphs.push(new Graph(this.#backend()));
    return this.chance(0.95) ? this.#graphs[this.#graphs.length - 1] : this.choose(this.#graphs);
  }

  /** Mostly one of the last graph, and one that fits. */
  #tensor(fits: (x: Tensor) => boolean = () => true): Tensor {
    return this.#knownTensor(fits).tensor;
  }

  #knownTensor(fits: (x: Tensor) => boolean = () => true): Known {
    const last = this.#graphs[this.#graphs.length - 1];
    const own = this.#known.filter(({ graph }) => graph === last);
    const fitting = own.filter(({ tensor }) => fits(tensor));
    if (fitting.length > 0 && this.chance(0.95)) return this.choose(fitting);
    if (this.#known.length === 0) this.#know(this.#graph(), (g) => g.input([3, 6], "f32", "x"));
    return this.choose(this.#known);
  }

  #shape(isQuantized = false): Shape {
    const rank = this.number(1, 4);
    const shape = Array.from({ length: rank }, () => this.choose([1, 2, 3, 3, 6]));
    if (isQuantized) shape[rank - 1] = this.choose([32, 256, 256, 33]);
    return shape;
  }

  /** Numbers for a tensor: for ids mostly small ones. */
  #data(x: Tensor): ArrayBufferView<ArrayBuffer> {
    if (this.chance(0.05)) return this.wild(new Uint8Array(5), 0.5);
    if (x.dtype === "f32") return new Float32Array(x.size).fill(this.number(-2, 3));
    if (x.dtype !== "i32") return new Uint8Array(x.byteLength).fill(this.number(0, 255));
    const largest = this.chance(0.3) ? 2 ** 31 - 1 : 4;
    return Int32Array.from(
      { length: x.size },
      () => this.number(this.chance(0.1) ? -1 : 0, largest),
    );
  }
}
