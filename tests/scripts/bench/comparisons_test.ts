import { assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import {
  type Comparison,
  comparisons,
  groups,
  type Sizes,
} from "../../../scripts/bench/comparisons.ts";
import { measureAll, outcomesOf } from "../../../scripts/bench/measure.ts";
import type { ModelFile, Program } from "../../../scripts/bench/program.ts";
import { reportText } from "../../../scripts/bench/report.ts";

const sizes: Sizes = { tokens: 128, prompts: [128, 512], depth: 896, batches: [8], repetitions: 1 };

const model = (size: string, type: string): ModelFile => ({ size, type, path: "", folder: "" });

const number = () => Promise.resolve(1);
const usage = () => Promise.resolve({ firstByteMs: 1, elapsedMs: 2, peakBytes: 3 });
const programs = {
  threads: 2,
  llamaCpp: { name: "llama.cpp", prefill: number, decode: number, decodeBatch: number, usage },
  nodeLlamaCpp: { name: "node-llama-cpp", decode: number, usage },
  python: ["f32", "bf16"].map((type) => ({
    name: `transformers ${type.toUpperCase()}`,
    type,
    prefill: number,
    decode: number,
    decodeBatch: number,
  })),
} satisfies { threads: number; llamaCpp: Program; nodeLlamaCpp: Program; python: unknown[] };

function plan(file: ModelFile): string[] {
  return comparisons([file], groups, sizes, programs).map(({ title, peers }) =>
    `${title}: ${[...peers.keys()].join(", ")}`
  );
}

Deno.test("comparisons() measures everything on the main type", () => {
  assertEquals(plan(model("small", "q8_0")), [
    "write 128: llama.cpp, node-llama-cpp",
    "write 128 after 896: llama.cpp",
    "read 128: llama.cpp",
    "read 512: llama.cpp",
    "write 128 in each of 8 texts: llama.cpp",
    "start of the process to its first token: llama.cpp, node-llama-cpp",
    "peak memory, writing 128: llama.cpp",
    "write 128, 1 busy process: llama.cpp, node-llama-cpp, itself, one thread, idle machine",
    "read 512, 1 busy process: llama.cpp",
    "write 128 in each of 8 texts, 1 busy process: llama.cpp",
    "write 128, 2 busy processes: llama.cpp, node-llama-cpp",
    "read 512, 2 busy processes: llama.cpp",
    "write 128 in each of 8 texts, 2 busy processes: llama.cpp",
    "write 128, 4 busy processes: llama.cpp, node-llama-cpp",
    "read 512, 4 busy processes: llama.cpp",
    "write 128 in each of 8 texts, 4 busy processes: llama.cpp",
  ]);
});

Deno.test("comparisons() only reads and writes on other types, each with whom it concerns", () => {
  const plain = ["write 128: llama.cpp", "read 128: llama.cpp", "read 512: llama.cpp"];
  assertEquals(plan(model("small", "q4_0")), plain);
  assertEquals(plan(model("small", "bf16")), [
    "write 128: transformers BF16",
    "read 128: transformers BF16",
    "read 512: transformers BF16",
  ]);
});

Deno.test("comparisons() measures F32 beside busy processes, too: PyTorch has no other type in common", () => {
  const [first, ...others] = plan(model("small", "f32")).slice(3);
  assertEquals(plan(model("small", "f32")).slice(0, 3), [
    "write 128: transformers F32",
    "read 128: transformers F32",
    "read 512: transformers F32",
  ]);
  assertEquals(
    first,
    "write 128, 1 busy process: transformers F32, itself, one thread, idle machine",
  );
  const works = ["write 128", "read 512", "write 128 in each of 8 texts"];
  assertEquals(others, [
    ...works.slice(1).map((work) => `${work}, 1 busy process: transformers F32`),
    ...[2, 4].flatMap((numBusy) =>
      works.map((work) => `${work}, ${numBusy} busy processes: transformers F32`)
    ),
  ]);
});

Deno.test("comparisons() asks node-llama-cpp about the small model only", () => {
  assertEquals(plan(model("xl", "q8_0"))[0], "write 128: llama.cpp");
});

Deno.test("comparisons() leaves out what was not selected", () => {
  const planned = comparisons([model("small", "q8_0")], ["start"], sizes, programs);
  assertEquals(planned.map(({ unit }) => unit), ["ms"]);
});

Deno.test("measureAll() takes turns, and the order changes with the round", async () => {
  const calls: string[] = [];
  const call = (name: string) => () => Promise.resolve(calls.push(name));
  const comparison: Comparison = {
    title: "count",
    unit: "ms",
    model: model("small", "q8_0"),
    ours: call("ours"),
    peers: new Map([["a", call("a")], ["b", call("b")]]),
  };
  const [a, b] = await measureAll([comparison], 2, () => {});
  assertEquals(calls, ["ours", "a", "b", "b", "a", "ours"]);
  assertEquals([a.peer, a.ours, a.theirs, a.ratios], ["a", 3.5, 3.5, [1 / 2, 6 / 5]]);
  assertEquals([b.peer, b.theirs, b.ratios], ["b", 3.5, [1 / 3, 6 / 4]]);
});

Deno.test("the report states the median of the ratios, not the ratio of the medians", () => {
  const comparison: Comparison = {
    title: "write 128",
    unit: "tokens/s",
    model: model("small", "q8_0"),
    ours: number,
    peers: new Map([["llama.cpp", number]]),
  };
  const samples = new Map([["", [100, 300, 200]], ["llama.cpp", [100, 100, 50]]]);
  const [outcome] = outcomesOf(comparison, samples);
  assertEquals([outcome.ours, outcome.theirs], [200, 100]);
  assertAlmostEquals(outcome.ratios[2], 4, 1e-12);
  const text = reportText({
    command: "bench",
    rounds: 3,
    threads: 2,
    machine: [["Processor", "abacus"]],
    bandwidth: [{ bytes: 2 ** 30, threads: 2, gigabytesPerSecond: 12.34 }],
    outcomes: [outcome],
  });
  assertStringIncludes(text, "| small Q8_0 | write 128 | tokens/s | 200 ");
  assertStringIncludes(text, "**3.00** (1.00 to 4.00)");
  assertStringIncludes(text, "| 1024 MiB | 2       | 12.3 |");
  assertStringIncludes(text, "| Processor | abacus |");
});
