import { assert, assertEquals, assertMatch } from "@std/assert";
import { runCli } from "./run_cli.ts";

/** As little as can be measured. */
const TINY = ["-m", "demo", "-p", "3", "-n", "2", "-r", "1", "--threads", "1"];

Deno.test("bench writes tables", async () => {
  const { code, stdout, stderr } = await runCli(["bench", ...TINY]);
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^\| model \| type +\| device \| threads \| load ms \|/);
  assertMatch(
    stdout,
    /^\| demo +\| as stored \| CPU +\| +1 \| prefill 3 \| +0 \| +1 \| +[\d.]+ \|$/m,
  );
  assertMatch(
    stdout,
    /^\| demo +\| as stored \| CPU +\| +1 \| decode 2 +\| +0 \| +1 \| +[\d.]+ \|$/m,
  );
});

Deno.test("bench --json gives every sample", async () => {
  const args = [
    "-m",
    "demo",
    "-p",
    "3",
    "-n",
    "2",
    "--depth",
    "0,5",
    "-b",
    "1,2",
    "-r",
    "2",
    "--threads",
    "1",
  ];
  const { code, stdout } = await runCli(["bench", ...args, "--type", "f32,q8_0", "--json"]);
  assertEquals(code, 0);
  const { results } = JSON.parse(stdout);
  assertEquals(results.map(({ type }: { type: string }) => type), ["f32", "q8_0"]);
  for (const { model, threads, loadMs, firstTokenMs, peakBytes, tests } of results) {
    assertEquals([model, threads], ["demo", 1]);
    assert(loadMs > 0 && firstTokenMs > 0);
    assert(peakBytes > 3e6, "it held the weights, 3.7 MB in Q8_0, at least");
    assertEquals(tests.length, 2 * 2 * 2);
    for (const { kind, numTokens, batch, depth, samples, tokensPerSecond, profile } of tests) {
      assertEquals(numTokens, kind === "prefill" ? 3 : 2);
      assert([1, 2].includes(batch) && [0, 5].includes(depth));
      assertEquals(samples.length, 2);
      assertEquals(tokensPerSecond, (samples[0] + samples[1]) / 2);
      assertEquals(profile, undefined);
    }
  }
});

Deno.test("bench --format csv gives one row for each test", async () => {
  const { code, stdout } = await runCli(["bench", ...TINY, "--format", "csv"]);
  assertEquals(code, 0);
  const [head, ...rows] = stdout.trimEnd().split("\n");
  assertEquals(head.split(",").slice(0, 3), ["model", "type", "device"]);
  assertEquals(rows.length, 2);
  assertMatch(rows[0], /^demo,,CPU,1,[\d.]+,[\d.]+,\d+,prefill,3,0,1,[\d.]+,0$/);
});

Deno.test("bench --profile names the operations and how many there are", async () => {
  const { code, stdout } = await runCli(["bench", ...TINY, "--profile", "--format", "json"]);
  assertEquals(code, 0);
  const [{ tests }] = JSON.parse(stdout).results;
  for (const { profile } of tests) {
    const counts = new Map<string, number>(
      profile.map(({ kind, count }: { kind: string; count: number }) => [kind, count]),
    );
    // Each of 4 blocks looks at its past once, and adds twice to the residual stream of width 256.
    assertEquals(counts.get("RAGGED_ATTENTION 64") ?? counts.get("FLASH_ATTN_EXT 64"), 4);
    assert(counts.get("ADD 256")! >= 2 * 4);
    // Nothing that takes no time.
    assert(![...counts.keys()].some((kind) => /^(VIEW|RESHAPE|PERMUTE|NONE)/.test(kind)));
    const times = profile.map(({ ms }: { ms: number }) => ms);
    assertEquals(times, times.toSorted((a: number, b: number) => b - a));
    assert(times.every((ms: number) => ms > 0 && Number.isFinite(ms)));
  }
});

Deno.test("bench shows how far it is on a terminal, and takes that away", async () => {
  const { stderr } = await runCli(["bench", ...TINY], { isTerminal: true });
  assertMatch(stderr, /^\rMeasuring \[/);
  assert(stderr.endsWith("\r\x1b[K"));
});

for (
  const [args, message] of [
    [
      ["-p", "x"],
      /--prompt-tokens must be whole numbers of at least 0, separated by commas: received "x"/,
    ],
    [["-p", "1,,2"], /--prompt-tokens must be .*: received ""/],
    [["-n", "-1"], /--new-tokens must be .* at least 0, .*: received "-1"/],
    [["--depth", "1.5"], /--depth must be .*: received "1\.5"/],
    [["-b", "0"], /--batch must be whole numbers of at least 1, .*: received "0"/],
    [
      ["--threads", "0"],
      /--threads must be whole numbers from 1 to \d+, the number of processors, .*: received "0"/,
    ],
    [["--threads", "100000"], /threads.*received "100000"/],
    [["-r", "0"], /-r must be a whole number from 1 to 10000: received "0"/],
    [["--type", "f32,q9"], /--type must be one of f32, .*: received "q9"/],
    [["-p", "1", "-b", "100000000"], /Cannot compute 100000000 texts .* Choose a smaller --batch/],
    [["--format", "xml"], /--format must be one of md, csv, json: received "xml"/],
    [
      ["-p", "0", "-n", "1", "--depth", "100000"],
      /Cannot measure 1 token after 100000: the model has 256 positions: .* Give a smaller --depth\./,
    ],
    [
      ["-p", "512"],
      /Cannot measure 512 tokens after 0: .*: received 512 tokens\. Give -p at most 256\./,
    ],
    [["-p", "0", "-n", "200", "--depth", "100"], /received 300 tokens\. Give -n at most 156\./],
    [["demo"], /Name a model with --model/],
  ] as const
) {
  Deno.test(`bench refuses ${args.join(" ")}`, async () => {
    const { code, stdout, stderr } = await runCli(["bench", "-m", "demo", ...args]);
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, message);
  });
}

Deno.test("bench measures by default what a short context has room for", async () => {
  const args = ["bench", "-m", "demo", "-r", "1", "--depth", "0,250", "--json"];
  const { code, stdout } = await runCli(args);
  assertEquals(code, 0);
  const [{ tests }] = JSON.parse(stdout).results;
  assertEquals(
    tests.map(({ kind, numTokens, depth }: Record<string, unknown>) => [kind, numTokens, depth]),
    [["prefill", 256, 0], ["prefill", 6, 250], ["decode", 128, 0], ["decode", 6, 250]],
  );
});

Deno.test("bench says that a model is not there", async () => {
  const { code, stderr } = await runCli(["bench", "-m", "missing.gguf"]);
  assertEquals(code, 66);
  assertMatch(stderr, /missing\.gguf/);
});

Deno.test("bench ends when the user wants it to", async () => {
  const { code, stdout } = await runCli(["bench", ...TINY], { signal: AbortSignal.abort() });
  assertEquals([code, stdout], [130, ""]);
});

Deno.test("bench shows its tables on a terminal where they fit, and where --format asks for them", async () => {
  const isTable = async (numColumns: number, ...args: string[]) => {
    const { stdout } = await runCli(["bench", ...TINY, ...args], { isTerminal: true, numColumns });
    return stdout.startsWith("| model");
  };
  assertEquals(await isTable(60), false);
  assertEquals(await isTable(200), true);
  assertEquals(await isTable(60, "--format", "md"), true);
});
