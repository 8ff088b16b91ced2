import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { fileURLToPath } from "node:url";
import { loadCheckpoint } from "../../src/checkpoint/load.ts";
import { NativeError } from "../../src/base/errors.ts";
import type { Interventions } from "../../src/engine/intervention.ts";
import { GPT2 } from "../../src/gpt2.ts";
import { assertClose } from "../close.ts";
import { freePort, startRpcServer } from "./rpc_servers.ts";

const DEMO = fileURLToPath(new URL("../../src/demo/demo.gguf", import.meta.url));

/** The same operations in F32, but for GELU, which servers compute from its parts. */
const TOLERANCE = 1e-5;

const GREEDY = { greedy: true, maxNewTokens: 40, logProbabilities: false };

Deno.test("two servers with a part of the layers each compute what this process computes", async () => {
  await using first = await startRpcServer();
  await using second = await startRpcServer();
  const rpc = [first.endpoint, second.endpoint];
  const tokens = Array.from({ length: 70 }, (_, i) => i * 7 % 200);

  using local = await GPT2.fromPretrained("demo", { type: "f32", device: "cpu" });
  const expectedText = await local.generateText("ROMEO:", GREEDY);
  const expected = (await local.forward([tokens, tokens.toReversed()])).logits;
  const capture = ["blocks.*.attention.weights", "blocks.*.residual"];
  const intervene: Interventions = {
    "blocks.1.residual": {
      change: (x, { writeRows }) =>
        writeRows(x, ({ position }, row) => row.fill(position / 50).length > 0),
      positions: [2, 3],
    },
  };
  const hooks = { capture, intervene };
  const expectedActivations = (await local.forward(tokens, hooks)).activations!;
  const options = { seed: 4, maxNewTokens: 30, topK: 5, logProbabilities: false };
  const expectedSamples = await local.generateText(["JULIET:", "My"], options);

  for (const type of ["f32", "q8_0"] as const) {
    using remote = await GPT2.fromPretrained("demo", { type, rpc });
    const text = await remote.generateText("ROMEO:", GREEDY);
    if (type === "q8_0") {
      assertEquals(text.length > 0, true);
      continue;
    }
    assertEquals(text, expectedText);
    assertEquals(await remote.generateText(["JULIET:", "My"], options), expectedSamples);
    const { activations } = await remote.forward(tokens, hooks);
    for (const [name, { data }] of expectedActivations) {
      assertClose(activations!.get(name)!.data, data, TOLERANCE, name);
    }
    const { logits } = await remote.forward([tokens, tokens.toReversed()]);
    const worst = logits.reduce((max, x, i) => Math.max(max, Math.abs(x - expected[i])), 0);
    assert(worst <= TOLERANCE, `logits differ by ${worst}`);
  }

  using model = (await loadCheckpoint(DEMO, { rpc })).model;
  assertEquals(new Set(model.weights.distribution.blocks).size, 2, "both have blocks");
  assertEquals(model.backend.places.length, 2);
});

Deno.test("a server that was lost is an error for the next call, and disposing goes on", async () => {
  await using first = await startRpcServer();
  await using second = await startRpcServer();
  using model = await GPT2.fromPretrained("demo", { rpc: [first.endpoint, second.endpoint] });
  await model.generateText("ROMEO:", { maxNewTokens: 2 });
  await second.kill();
  // Until the event loop has heard of it.
  await new Promise((resolve) => setTimeout(resolve, 100));
  const lost = `Cannot use the server ${second.endpoint}: the connection is lost`;
  await assertRejects(() => model.generateText("ROMEO:"), NativeError, lost);
  await assertRejects(() => model.forward([1, 2, 3]), NativeError, lost);
});

Deno.test("a server that is lost while it computes ends the process with 70 and a reason", async () => {
  await using server = await startRpcServer();
  const program = `
    import { GPT2 } from ${JSON.stringify(new URL("../../mod.ts", import.meta.url).href)};
    using model = await GPT2.fromPretrained("demo", { rpc: [${JSON.stringify(server.endpoint)}] });
    console.log("loaded");
    for (;;) await model.forward(Array.from({ length: 8 }, () => new Array(250).fill(1)));
  `;
  await using child = new Deno.Command(Deno.execPath(), {
    args: ["eval", program],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  for await (const _loaded of child.stdout) break;
  await new Promise((resolve) => setTimeout(resolve, 100));
  await server.kill();
  const stderr = await new Response(child.stderr).text();
  const { code, signal } = await child.status;
  assertEquals([code, signal], [70, null], stderr);
  assertMatch(stderr, /server/);
});

Deno.test("a server that serves another program, or none, is an error before anything is sent", async () => {
  const rpc = [`127.0.0.1:${freePort()}`];
  await assertRejects(() => GPT2.fromPretrained("demo", { rpc }), NativeError, "nobody listens");
  const twice = [rpc[0], rpc[0]];
  await assertRejects(() => GPT2.fromPretrained("demo", { rpc: twice }), RangeError, "named once");
  await assertRejects(() => GPT2.fromPretrained("demo", { rpc: [] }), RangeError, "named once");
});
