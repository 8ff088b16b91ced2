import { assertEquals } from "@std/assert";
import { benchFlags, benchModels, benchTests } from "../../../src/cli/bench/bench_flags.ts";
import { defaultModel } from "../../../src/cli/arguments/default_model.ts";
import { parseArguments } from "../../../src/cli/arguments/parse_arguments.ts";

function parse(...args: string[]) {
  return parseArguments(benchFlags, args).values;
}

Deno.test("benchTests() reads 512 tokens and writes 128 by default", () => {
  assertEquals(benchTests(parse()), [
    { kind: "prefill", numTokens: 512, depth: 0, batch: 1 },
    { kind: "decode", numTokens: 128, depth: 0, batch: 1 },
  ]);
});

Deno.test("benchTests() combines all lists", () => {
  const tests = benchTests(parse("-p", "16,32", "-n", "8", "--depth", "0,64", "-b", "1,2"));
  assertEquals(
    tests.map(({ kind, numTokens, depth, batch }) => `${kind} ${numTokens} ${depth} ${batch}`),
    [
      "prefill 16 0 1",
      "prefill 16 0 2",
      "prefill 16 64 1",
      "prefill 16 64 2",
      "prefill 32 0 1",
      "prefill 32 0 2",
      "prefill 32 64 1",
      "prefill 32 64 2",
      "decode 8 0 1",
      "decode 8 0 2",
      "decode 8 64 1",
      "decode 8 64 2",
    ],
  );
});

Deno.test("benchTests() leaves out what has no tokens", () => {
  assertEquals(benchTests(parse("-p", "0", "-n", "4")).map(({ kind }) => kind), ["decode"]);
  assertEquals(benchTests(parse("-p", "0", "-n", "0")), []);
});

Deno.test("benchModels() takes the default model as stored by default", () => {
  assertEquals(benchModels(parse()), [{
    model: defaultModel(),
    type: undefined,
    threads: undefined,
  }]);
});

Deno.test("benchModels() combines models, types and threads", () => {
  const models = benchModels(
    parse("-m", "a.gguf", "-m", "b", "--type", "Q8_0,f16", "--type", "q4_0", "--threads", "1,2"),
  );
  assertEquals(models.length, 2 * 3 * 2);
  assertEquals(models[0], { model: "a.gguf", type: "q8_0", threads: 1 });
  assertEquals(models[11], { model: "b", type: "q4_0", threads: 2 });
});
