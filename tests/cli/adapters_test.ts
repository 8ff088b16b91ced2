/** `--adapter`, and `merge`. */
import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { GPT2 } from "../../src/gpt2.ts";
import { adapterPath, basePath } from "../checkpoint/adapters/fixtures.ts";
import { TemporaryFolder } from "../checkpoint/folders.ts";
import { assertClose } from "../close.ts";
import { runCli } from "./run_cli.ts";

const MODEL = ["--model", basePath, "--threads", "1"];
const [plain, patterns] = ["plain", "patterns"].map(adapterPath);
const TEXT = "Once upon a time";
/** The same sums in another order. */
const TOLERANCE = 1e-4;

async function perplexityOf(...args: string[]): Promise<number> {
  const { code, stdout, stderr } = await runCli(["score", TEXT, "--json", ...args]);
  assertEquals([code, stderr], [0, ""]);
  return JSON.parse(stdout).perplexity;
}

Deno.test("score --adapter scores with adapters, to the degrees that are named", async () => {
  using model = await GPT2.fromPretrained(basePath, { threads: 1 });
  const adapters = [
    { adapter: await model.loadAdapter(plain), scale: 0.5 },
    { adapter: await model.loadAdapter(patterns), scale: -2 },
  ];
  const { perplexity } = await model.score(TEXT, { adapters });
  const args = [...MODEL, "--adapter", `${plain}.gguf:0.5`, "--adapter", `${patterns}:-2`];
  assertEquals(await perplexityOf(...args), perplexity);
  assertNotEquals(await perplexityOf(...MODEL), perplexity);
});

Deno.test("generate, perplexity, explain and compare take --adapter too", async () => {
  const adapter = ["--adapter", plain];
  const written = async (...args: string[]) => {
    const { code, stdout, stderr } = await runCli(args);
    assertEquals(code, 0, stderr);
    return stdout;
  };
  const generate = ["generate", TEXT, "--greedy", "-n", "8", "--quiet", ...MODEL];
  assertNotEquals(await written(...generate, ...adapter), await written(...generate));
  const explain = ["explain", TEXT, ...MODEL];
  assertNotEquals(await written(...explain, ...adapter), await written(...explain));
  using folder = new TemporaryFolder();
  const file = folder.file("text");
  Deno.writeTextFileSync(file, TEXT.repeat(5));
  const perplexity = ["perplexity", "--file", file, "--chunk", "16", "--json", ...MODEL];
  const value = async (...args: string[]) => JSON.parse(await written(...args)).perplexity.value;
  const compare = ["compare", basePath, basePath, "-f", file, "--chunk", "16", "--json"];
  const { models } = JSON.parse(await written(...compare, "--threads", "1", ...adapter));
  const compared = models.map((model: { perplexity: { value: number } }) => model.perplexity.value);
  const expected = [await value(...perplexity), await value(...perplexity, ...adapter)];
  assertClose(compared, expected, TOLERANCE, "perplexities");
  assertNotEquals(compared[0], compared[1]);
});

Deno.test("an adapter that cannot be used is an error with its exit code", async () => {
  const generate = (adapter: string) => runCli(["x", ...MODEL, "--adapter", adapter]);
  const missing = await generate("no-such-adapter");
  assertEquals([missing.code, missing.stdout], [66, ""]);
  const noAdapter = await generate(`${basePath}/config.json`);
  assertEquals(noAdapter.code, 66);
  assertStringIncludes(noAdapter.stderr, "it has no adapter_config.json");
  const other = await generate(fileURLToPath(import.meta.url));
  assertEquals(other.code, 65);
  assertStringIncludes(other.stderr, "as GGUF");
  assertEquals((await generate(":0.5")).code, 2);
  const model = await runCli(["x", "--model", "demo", "--adapter", `${plain}.gguf`]);
  assertEquals(model.code, 65);
  assertStringIncludes(model.stderr, "blocks.0.qkvProjection of the model is");
});

Deno.test("an adapter that is taken for a model is an error that says what to do with it", async () => {
  for (const path of [plain, `${plain}.gguf`]) {
    const { code, stderr } = await runCli(["x", "--model", path]);
    assertEquals(code, 65);
    assertStringIncludes(stderr, "it is an adapter for a model");
    assertStringIncludes(stderr, "Pass the model, and this with --adapter.");
  }
});

for (const file of ["merged", "merged.gguf"]) {
  Deno.test(`merge writes a model with adapters in its weights: ${file}`, async () => {
    using folder = new TemporaryFolder();
    const path = folder.file(file);
    const adapters = ["--adapter", `${plain}:0.5`, "--adapter", patterns];
    const { code, stdout } = await runCli(["merge", basePath, ...adapters, "--out", path]);
    assertEquals([code, stdout], [0, `${path}\n`]);
    const merged = await perplexityOf("--model", path, "--threads", "1");
    const unmerged = await perplexityOf(...MODEL, ...adapters);
    assert(Math.abs(merged - unmerged) < TOLERANCE * unmerged, `${merged} and ${unmerged}`);
    const again = await runCli(["merge", basePath, ...adapters, "--out", path]);
    assertEquals(again.code, 2);
    assertStringIncludes(again.stderr, "Add --overwrite");
  });
}

Deno.test("merge refuses what it cannot do", async () => {
  using folder = new TemporaryFolder();
  const out = folder.file("merged");
  const refused = async (...args: string[]) => (await runCli(["merge", basePath, ...args])).code;
  assertEquals(await refused("--out", out), 2);
  assertEquals(await refused("--adapter", plain), 2);
  assertEquals(await refused("--adapter", plain, "--out", out, "--type", "q8_0"), 2);
  assertEquals(await refused("--adapter", "none", "--out", out), 66);
  assertEquals(folder.names(), []);
  const other = await runCli(["merge", "demo", "--adapter", plain, "--out", out]);
  assertEquals(other.code, 65);
});

Deno.test("serve --adapter needs a name and a file", async () => {
  for (const adapter of ["lora", "=lora"]) {
    const { code, stderr } = await runCli(["serve", "--model", "demo", "--adapter", adapter]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, "--adapter needs a name for clients");
  }
  const twice = ["--adapter", `a=${plain}`, "--adapter", `a=${patterns}`];
  assertEquals((await runCli(["serve", ...MODEL, ...twice])).code, 2);
  assertEquals((await runCli(["serve", ...MODEL, "--adapter", "a=none"])).code, 66);
});
