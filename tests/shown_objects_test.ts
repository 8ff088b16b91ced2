/** What `console.log()` shows of the objects that users hold. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import * as api from "../mod.ts";
import * as evaluating from "../src/evaluate.ts";
import * as inspecting from "../src/inspect.ts";
import * as operations from "../src/ops.ts";
import * as serving from "../src/serve.ts";
import * as training from "../src/train.ts";
import { TemporaryFolder } from "./checkpoint/folders.ts";
import { referencePath } from "./model/reference.ts";

const CUSTOM_INSPECT = Symbol.for("Deno.customInspect");

type Class = { readonly name: string; readonly prototype: object };

/** All that are exported, but for errors. */
function publicClasses(): Class[] {
  const exported = [api, evaluating, inspecting, operations, serving, training]
    .flatMap((entry) => Object.values<unknown>(entry));
  const classes = exported.filter((value): value is Class =>
    typeof value === "function" && String(value).startsWith("class ") &&
    !(value.prototype instanceof Error)
  );
  return [...new Set(classes)];
}

Deno.test("console.log() shows what each object is, in few words", async () => {
  using read = await api.GPT2.fromPretrained(referencePath("hf_folder"), { threads: 1 });
  const { tokenizer } = read;
  using folder = new TemporaryFolder();
  await Deno.writeFile(`${folder.path}/a.bin`, new Uint8Array(400));
  const config = new api.GPT2Config({
    vocabSize: tokenizer!.vocabSize,
    contextLength: 64,
    embeddingDim: 8,
    numHeads: 2,
    numLayers: 1,
  });
  using model = new api.GPT2(config, { seed: 1, threads: 1, tokenizer });
  using text = await model.open("ab");
  using long = await model.open("xyz".repeat(20));
  using backend = api.Backend.cpu({ threads: 1 });
  using graph = new api.Graph(backend);
  const tensor = graph.input([2, 3], "f32", "x");
  using file = await training.TokenFile.open(`${folder.path}/a.bin`);
  const windows = new training.TrainingWindows(file, { contextLength: 8, seed: 1 });
  using trainer = new training.Trainer(model, windows);
  await using run = await training.RunFolder.open(`${folder.path}/run`);
  const shown = [
    [model, /^GPT2 \{ numLayers: 1, .*weightType: "f32" \}$/],
    [config, /^GPT2Config \{\s+vocabSize: \d+,/],
    [text, /^Text \{ length: \d, text: "ab" \}$/],
    [long, /^Text \{ length: 60, text: "(xyz){6}xy\.\.\." \}$/],
    [tokenizer!, /^Tokenizer \{ vocabSize: \d+, endOfTextId: \d+ \}$/],
    [new api.StreamDecoder(tokenizer!), /^StreamDecoder \{ tokenizer: Tokenizer \{ vocabSize: /],
    [backend, /^Backend \{ name: "CPU", threads: 1 \}$/],
    [graph, /^Graph \{ backend: "CPU", numNodes: 2 \}$/],
    [tensor, /^Tensor \{ shape: \[ 2, 3 \], dtype: "f32" \}$/],
    [file, /^TokenFile \{ path: ".*", length: 200 \}$/],
    [windows, /^TrainingWindows \{ numWindowsPerEpoch: \d+ \}$/],
    [trainer, /^Trainer \{ numSteps: 0, numWeights: \d+ \}$/],
    [run, /^RunFolder \{ path: ".*" \}$/],
  ] as const;
  for (const [object, pattern] of shown) assertMatch(Deno.inspect(object), pattern);
  const seen = new Set<unknown>(shown.map(([object]) => object.constructor));
  // Those need a server.
  assert(CUSTOM_INSPECT in api.RpcServers.prototype);
  const missing = publicClasses().filter((type) => !seen.has(type) && type !== api.RpcServers);
  assertEquals(missing.map(({ name }) => name), []);
});

Deno.test("console.log() shows the first tokens of a text where there is no tokenizer", async () => {
  const config = new api.GPT2Config({
    vocabSize: 300,
    contextLength: 64,
    embeddingDim: 8,
    numHeads: 2,
    numLayers: 1,
  });
  using model = new api.GPT2(config, { seed: 1, threads: 1 });
  using text = await model.open([1, 2, 3]);
  assertEquals(Deno.inspect(text), "Text { length: 3, firstTokens: [ 1, 2, 3 ] }");
  await text.append(new Array(40).fill(7));
  assertEquals(Deno.inspect(text).match(/ 7\b/g)?.length, 17);
});

Deno.test("console.log() shows of what was captured and of gradients what they are, and not all numbers", async () => {
  using model = new api.GPT2(api.GPT2Config.tiny(), { seed: 1, threads: 1 });
  const { numHeads, embeddingDim } = model.config;
  const tokens = [1, 2, 3, 4, 5];
  const capture = ["blocks.0.attention.weights", "blocks.0.residual"];
  const { activations } = await model.forward(tokens, { capture, logits: "none" });
  const of = ["blocks.0.residual", "blocks.0.mlpProjection.bias"];
  const { gradients } = await model.gradients(tokens, { of, answer: 1 });
  using text = await model.open(tokens, { capture });
  const numbers = "(-?[\\d.e-]+, ){4}\\.\\.\\. \\d+ more items \\]";
  const stream =
    `axes: "batch seq embed", shape: \\[ 1, 5, ${embeddingDim} \\], data: Float32Array`;
  for (const found of [activations!, gradients, text.activations!]) {
    assertMatch(
      Deno.inspect(found.get("blocks.0.residual")),
      new RegExp(`^\\{ ${stream}\\(\\d+\\) \\[ ${numbers} \\}$`),
    );
    assert(Deno.inspect(found).split("\n").length <= 4, Deno.inspect(found));
  }
  assertMatch(Deno.inspect(activations), new RegExp(`shape: \\[ 1, ${numHeads}, 5, 5 \\]`));
  // All else sees a plain object.
  const whole = activations!.get("blocks.0.residual")!;
  assertEquals(Reflect.ownKeys({ ...whole }), ["axes", "shape", "data"]);
  assertEquals(structuredClone(whole), { ...whole });
});

Deno.test("console.log() shows objects that are freed, and classes' prototypes", () => {
  const backend = api.Backend.cpu({ threads: 1 });
  const graph = new api.Graph(backend);
  graph[Symbol.dispose]();
  backend[Symbol.dispose]();
  assertMatch(Deno.inspect(graph), /^Graph \{/);
  for (const { prototype } of publicClasses()) Deno.inspect(prototype);
});

Deno.test("console.log() shows ready-made interventions as the calls that make them", async () => {
  using model = await api.GPT2.fromPretrained("demo", { threads: 1 });
  const { activations } = await model.forward([1, 2], { capture: ["blocks.0.residual"] });
  const activation = activations!.get("blocks.0.residual")!;
  const { ablate, freeze, replace, steer } = inspecting;
  const shown = [
    [ablate(), /^ablate\(\)$/],
    [
      ablate({ heads: [1, 3], during: "prompt" }),
      /^ablate\(\{ heads: \[ 1, 3 \], during: "prompt" \}\)$/,
    ],
    [ablate({ mean: activation }), /^ablate\(\{ mean: \{ .*axes: .*\}\)$/],
    [freeze(activation), /^freeze\(\{ activation: \{ .*\}\)$/],
    [
      replace(activation, { positions: [0] }),
      /^replace\(\{ activation: .*positions: \[ 0 \].*\}\)$/,
    ],
  ] as const;
  for (const [object, pattern] of shown) {
    const text = Deno.inspect(object);
    assertMatch(text, pattern);
    assert(text.length < 700, text);
  }
  // One has a strength that can be set, and is an object.
  assertMatch(
    Deno.inspect(steer([1, 2], 3)),
    /^Steering \{ strength: 3, vectorLength: 2 \}$/,
  );
});
