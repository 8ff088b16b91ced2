import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { BuildError } from "../../../scripts/build_error.ts";
import { HELP, parseOptions } from "../../../scripts/bench/options.ts";

Deno.test("parseOptions() measures everything by default", () => {
  const options = parseOptions(["--threads", "2"]);
  assertEquals(options, {
    only: ["decode", "depth", "prefill", "batch", "start", "memory", "busy"],
    models: ["small", "medium"],
    types: ["f16", "q8_0", "q4_0", "q4_k_m"],
    rounds: 7,
    threads: 2,
    sizes: { tokens: 128, prompts: [128, 512], depth: 896, batches: [8, 32], repetitions: 2 },
    peers: ["llama.cpp", "node-llama-cpp"],
    llamaBuild: undefined,
    python: undefined,
    cache: undefined,
    output: "docs/benchmarks.md",
  });
});

Deno.test("parseOptions() compares with Python if one is named", () => {
  const options = parseOptions(["--python", "python3"]);
  assertEquals(options !== "help" && options.peers, ["llama.cpp", "node-llama-cpp", "python"]);
});

Deno.test("parseOptions() knows --help", () => {
  assertEquals(parseOptions(["--help"]), "help");
  assertStringIncludes(HELP, "--rounds");
});

for (
  const [args, message] of [
    [["--fast"], "unknown argument: received --fast"],
    [["tiny"], "unknown argument: received tiny"],
    [["--only", "decode,speed"], '--only has something unknown in it: received "speed"'],
    [["--models", "toString"], '--models has something unknown in it: received "toString"'],
    [["--types", "q9"], '--types has something unknown in it: received "q9"'],
    [["--rounds", "0"], '--rounds must be whole numbers of at least 1: received "0"'],
    [["--rounds", "1,2"], '--rounds must be one number: received "1,2"'],
    [["--prompts", "12x"], '--prompts must be whole numbers of at least 1: received "12x"'],
    [["--peers", "ollama"], '--peers has something unknown in it: received "ollama"'],
  ] as const
) {
  Deno.test(`parseOptions() refuses ${args.join(" ")}`, () => {
    assertThrows(() => parseOptions(args), BuildError, message);
  });
}
