import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { cacheContents } from "../../src/base/cache_folder.ts";
import { takeFileLock } from "../../src/base/file_lock.ts";
import { COMMIT } from "../model_store/hub/fake_hub.ts";
import { runCli } from "./run_cli.ts";
import { testWithHub as test } from "./test_with_hub.ts";

const GGUF = `allformers/models/openai-community--gpt2/${COMMIT}/gpt2-Q8_0.gguf`;
const BLOBS = "hf/hub/models--openai-community--gpt2/blobs";

test("uninstall shows what there is, asks, and removes this package's files only", async (folder) => {
  await runCli(["models", "pull", "gpt2"]);
  for (const name of Object.keys(cacheContents)) {
    Deno.mkdirSync(folder.file(`allformers/${name}/inner`), { recursive: true });
    Deno.writeTextFileSync(folder.file(`allformers/${name}/inner/file`), "1234");
  }
  Deno.mkdirSync(folder.file("allformers/of-another-package"));

  const unasked = await runCli(["uninstall"]);
  assertEquals(unasked.code, 2);
  assertStringIncludes(unasked.stderr, "Add --yes.");
  const refused = await runCli(["uninstall"], { isTerminal: true, line: "n" });
  assertMatch(refused.stderr, /Nothing was removed\.\n$/);
  for (const [name, content] of Object.entries(cacheContents)) {
    assertMatch(refused.stderr, new RegExp(` ${content} +\\d.*B +.*/allformers/${name}\n`));
  }
  assertMatch(refused.stderr, /Kept, as Python uses it too .*\n.*models--openai-community--gpt2\n/);
  const json = await runCli(["uninstall", "--json"], { isTerminal: true, line: "n" });
  const left = JSON.parse(json.stdout);
  assertEquals([json.code, left.removed, left.freedBytes], [0, [], 0]);
  assertEquals(left.kept.length, Object.keys(cacheContents).length + 1);
  assertEquals(Deno.statSync(folder.file(GGUF)).isFile, true);

  const { code, stdout } = await runCli(["uninstall", "--json"], { isTerminal: true, line: "yes" });
  assertEquals(code, 0);
  const { removed, kept, freedBytes } = JSON.parse(stdout);
  const sum = removed.reduce((sum: number, file: { numBytes: number }) => sum + file.numBytes, 0);
  assertEquals(freedBytes, sum);
  assertEquals(kept.map(({ path }: { path: string }) => path), [
    folder.file("hf/hub/models--openai-community--gpt2"),
  ]);
  assertEquals(names(folder.file("allformers")), ["of-another-package"]);
  assertEquals(names(folder.file(BLOBS)).length > 0, true);
});

test("uninstall --downloads removes the downloads as well, and a second call finds nothing", async (folder) => {
  await runCli(["models", "pull", "gpt2"]);
  const llama = folder.file("hf/hub/models--a--llama/snapshots/x");
  Deno.mkdirSync(llama, { recursive: true });
  Deno.writeTextFileSync(`${llama}/config.json`, '{"model_type": "llama"}');
  const { code, stderr } = await runCli(["uninstall", "--downloads", "--yes"]);
  assertEquals(code, 0);
  assertMatch(stderr, /Removed \d+\.\d kB\.\n$/);
  assertEquals(folder.names(), ["hf"]);
  assertEquals(names(folder.file("hf/hub")), [".locks", "models--a--llama"]);
  const again = await runCli(["uninstall", "--downloads", "--yes", "--json"]);
  assertEquals([again.code, again.stderr], [0, "There is nothing to remove.\n"]);
  assertEquals(JSON.parse(again.stdout), { removed: [], kept: [], freedBytes: 0 });
});

test("uninstall removes links, and not what they lead to", async (folder) => {
  Deno.mkdirSync(folder.file("outside/inner"), { recursive: true });
  Deno.mkdirSync(folder.file("allformers"));
  Deno.symlinkSync(folder.file("outside"), folder.file("allformers/models"));
  Deno.symlinkSync(folder.file("nowhere"), folder.file("allformers/demo"));
  assertEquals((await runCli(["uninstall", "--yes"])).code, 0);
  assertEquals(folder.names(), ["outside"]);
  assertEquals(names(folder.file("outside")), ["inner"]);
});

test("uninstall is refused while a model is converted, with 75, and removes nothing", async (folder) => {
  await runCli(["models", "pull", "gpt2"]);
  using _lock = await takeFileLock(`${folder.file(GGUF)}.lock`);
  assertEquals((await runCli(["uninstall", "--yes"])).code, 75);
  assertEquals(Deno.statSync(folder.file(GGUF)).isFile, true);
});

function names(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
}
