import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { RepoCache } from "../../src/model_store/hub/hub_cache.ts";
import { COMMIT } from "../model_store/hub/fake_hub.ts";
import { runCli } from "./run_cli.ts";
import { testWithHub as test } from "./test_with_hub.ts";

const GGUF = `allformers/models/openai-community--gpt2/${COMMIT}/gpt2-Q8_0.gguf`;

test("models pull, list, path and remove manage both caches", async (folder, hub) => {
  const pulled = await runCli(["models", "pull", "gpt2"]);
  assertEquals([pulled.code, pulled.stdout, pulled.stderr], [0, `${folder.file(GGUF)}\n`, ""]);

  const path = await runCli(["models", "path", "gpt2"]);
  assertEquals(path.stdout, pulled.stdout);
  const folders = await runCli(["models", "path"]);
  assertEquals(folders.stdout, `${folder.file("hf/hub")}\n${folder.file("allformers/models")}\n`);

  const list = await runCli(["models"]);
  assertMatch(
    list.stdout,
    /^openai-community\/gpt2 +downloaded +\d+\.\d kB\n +q8_0 of 0123456 +\d+\.\d kB\n/,
  );
  assertMatch(list.stdout, /\nDownloaded +\d.*hf\/hub\nConverted +\d.*models\n$/);
  const { models } = JSON.parse((await runCli(["models", "list", "--json"])).stdout);
  assertEquals(models.map(({ repo }: { repo: string }) => repo), ["openai-community/gpt2"]);
  assertEquals(models[0].converted[0].path, folder.file(GGUF));
  assertEquals(models[0].converted[0].numBytes, Deno.statSync(folder.file(GGUF)).size);
  const blobs = folder.file("hf/hub/models--openai-community--gpt2/blobs");
  const blobBytes = Array.from(
    Deno.readDirSync(blobs),
    ({ name }) => Deno.statSync(`${blobs}/${name}`).size,
  )
    .reduce((sum, size) => sum + size);
  // Links take no room; the ref has 40 characters.
  assertEquals(models[0].downloadedBytes, blobBytes + 40);

  const kept = await runCli(["models", "remove", "gpt2", "--keep-download"]);
  assertEquals([kept.code, kept.stdout], [0, ""]);
  assertMatch(kept.stderr, /^Removed openai-community\/gpt2: \d/);
  const nothing = await runCli(["models", "remove", "gpt2", "--keep-download", "--json"]);
  assertEquals(
    [nothing.code, nothing.stderr],
    [
      0,
      "There is nothing to remove: openai-community/gpt2 is not converted; its download was kept.\n",
    ],
  );
  assertEquals(JSON.parse(nothing.stdout), { repo: "openai-community/gpt2", freedBytes: 0 });
  const gone = await runCli(["models", "path", "gpt2", "--type", "f16"]);
  assertEquals(gone.code, 66);
  assertStringIncludes(
    gone.stderr,
    "Run deno run -A mod.ts models pull openai-community/gpt2 --type f16.",
  );
  hub.seen.length = 0;
  assertEquals((await runCli(["info", "gpt2"])).code, 0); // Converts again what is there.
  assertEquals(hub.seen, []);

  assertEquals((await runCli(["models", "remove", "gpt2"])).code, 0);
  assertEquals(Array.from(Deno.readDirSync(folder.file("hf/hub")), ({ name }) => name), [".locks"]);
  assertEquals((await runCli(["models", "remove", "gpt2", "--keep-download"])).code, 66);
  const absent = await runCli(["models", "remove", "gpt2"]);
  assertEquals(absent.code, 66);
  assertStringIncludes(absent.stderr, " deno run -A mod.ts models lists those that are.");
  assertMatch((await runCli(["models"])).stdout, /^Downloaded +0 B/);
});

test("models list leaves out what is no GPT-2", async (folder) => {
  const snapshot = (repo: string) => folder.file(`hf/hub/models--${repo}/snapshots/${COMMIT}`);
  for (
    const [repo, file, text] of [
      ["a--llama", "config.json", '{"model_type": "llama"}'],
      ["a--gpt", "config.json", '{"model_type": "gpt2"}'],
      ["a--quantized", "x.gguf", "GGUF"],
    ]
  ) {
    Deno.mkdirSync(snapshot(repo), { recursive: true });
    Deno.writeTextFileSync(`${snapshot(repo)}/${file}`, text);
  }
  const { models } = JSON.parse((await runCli(["models", "--json"])).stdout);
  assertEquals(models.map(({ repo }: { repo: string }) => repo), ["a/gpt", "a/quantized"]);
});

test("models pull --json gives the path, and another type another file", async (folder) => {
  const { stdout } = await runCli(["models", "pull", "gpt2", "--type", "f16", "--json"]);
  const path = folder.file(GGUF.replace("Q8_0", "F16"));
  assertEquals(JSON.parse(stdout), {
    repo: "openai-community/gpt2",
    path,
    numBytes: Deno.statSync(path).size,
  });
});

test("a download shows bytes, speed and time left on a terminal", async (_folder, hub) => {
  hub.misbehave = (_request, { server }, usual) =>
    server === "storage" ? slowed(usual()) : undefined;
  const { code, stderr } = await runCli(["info", "gpt2"], { isTerminal: true });
  assertEquals(code, 0);
  assertStringIncludes(stderr, "\rDownloading config.json [");
  assertMatch(
    stderr,
    /\rDownloading model\.safetensors \[#+\] 100 % .* of 114\.2 kB, \d.*\/s, 0:00 left/,
  );
  assertStringIncludes(stderr, "\rConverting [");
  assertEquals(stderr.endsWith("\r\x1b[K"), true);
});

test("a download shows no bar where nobody wants to see one", async (folder) => {
  const notice = /^gpt2 is not on this machine yet: .*, once\.\ninfo demo needs no download\.\n$/;
  assertMatch((await runCli(["info", "gpt2"])).stderr, notice);
  Deno.env.set("HF_HUB_DISABLE_PROGRESS_BARS", "1");
  for (const name of ["hf", "allformers"]) Deno.removeSync(folder.file(name), { recursive: true });
  const { stderr } = await runCli(["info", "gpt2"], { isTerminal: true, numColumns: 400 });
  assertMatch(stderr.replace("\r\x1b[K", ""), notice);
});

test("a hub that does not answer is told of, unless --quiet is given", async (folder, hub) => {
  const run = async (args: string[]) => {
    let numLeft = 1;
    hub.misbehave = () => numLeft-- > 0 ? new Response(null, { status: 503 }) : undefined;
    const { code, stderr } = await runCli(args);
    assertEquals([code, numLeft < 1], [0, true]);
    for (const name of ["hf", "allformers"]) {
      Deno.removeSync(folder.file(name), { recursive: true });
    }
    return stderr;
  };
  const told = /^127\.0\.0\.1:\d+ is busy or out of order \(status 503\): trying again \.\.\.\n/;
  assertMatch(await run(["models", "pull", "gpt2"]), told);
  assertMatch(await run(["x", "--model", "gpt2", "-n", "1"]), told);
  assertEquals(await run(["x", "--model", "gpt2", "-n", "1", "--quiet"]), "");
});

/** The same answer, whose last byte comes after a while. */
function slowed(response: Response): Response {
  const body = new ReadableStream({
    async start(controller) {
      const bytes = await response.bytes();
      controller.enqueue(bytes.subarray(0, -1));
      await new Promise((resolve) => setTimeout(resolve, 150));
      controller.enqueue(bytes.subarray(-1));
      controller.close();
    },
  });
  return new Response(body, { status: response.status, headers: response.headers });
}

const USAGE: readonly (readonly [args: string[], message: string])[] = [
  [["lst"], "Did you mean models list?"],
  [["lits"], "Did you mean models list?"],
  [["list", "gpt2"], "models list takes no model"],
  [["pull"], "models pull needs a model of the hub: received none"],
  [["pull", "./gpt2"], 'needs a model of the hub: received "./gpt2"'],
  [["remove"], "models remove needs a model"],
  [["pull", "gpt2:../x.gguf"], "Cannot use the model"],
  [["pull", "gpt2", "x"], "models takes"],
  [["list", "--all"], "--all is for models remove: received models list"],
  [["pull", "gpt2", "--keep-download"], "--keep-download is for models remove"],
  [["remove", "gpt2", "--all"], "models remove takes a model or --all"],
];

for (const [args, message] of USAGE) {
  test(`models ${args.join(" ")} is refused`, async () => {
    const { code, stdout, stderr } = await runCli(["models", ...args]);
    assertEquals([code, stdout], [2, ""]);
    assertStringIncludes(stderr, message);
  });
}

test("models remove --all shows what there is, asks, and removes it", async (folder, hub) => {
  hub.repos.set("owner/other", hub.repos.get("openai-community/gpt2")!);
  await runCli(["models", "pull", "gpt2"]);
  await runCli(["models", "pull", "owner/other"]);
  const llama = folder.file("hf/hub/models--a--llama/snapshots/x");
  Deno.mkdirSync(llama, { recursive: true });
  Deno.writeTextFileSync(`${llama}/config.json`, '{"model_type": "llama"}');
  Deno.symlinkSync(folder.file("nowhere"), folder.file(GGUF.replace("Q8_0", "F16")));

  const unasked = await runCli(["models", "remove", "--all"]);
  assertEquals(unasked.code, 2);
  assertStringIncludes(unasked.stderr, "Add --yes.");
  for (const line of ["", "n", "no", "yess"]) {
    const { code, stderr } = await runCli(["models", "remove", "--all"], {
      isTerminal: true,
      line,
    });
    assertEquals(code, 0);
    assertMatch(
      stderr,
      /owner\/other +downloaded[^]*Remove all of these, also for Python: \d.*\? \[y\/N\] Nothing/,
    );
  }
  const no = await runCli(["models", "remove", "--all", "--json"], { isTerminal: true, line: "n" });
  assertEquals([no.code, JSON.parse(no.stdout)], [0, { repos: [], freedBytes: 0 }]);
  assertEquals(listed(await runCli(["models", "--json"])).length, 2);

  const kept = await runCli(["models", "remove", "--all", "--keep-download", "--yes", "--json"]);
  assertEquals(JSON.parse(kept.stdout).repos, ["openai-community/gpt2", "owner/other"]);
  const left = listed(await runCli(["models", "--json"]));
  assertEquals(left.map(({ converted }) => converted.length), [0, 0]);

  const all = await runCli(["models", "remove", "--all"], { isTerminal: true, line: "y" });
  assertMatch(all.stderr, /Removed \d/);
  assertEquals(listed(await runCli(["models", "--json"])), []);
  assertEquals(Deno.statSync(llama).isDirectory, true);
  assertEquals(
    (await runCli(["models", "remove", "--all"])).stderr,
    "There is nothing to remove.\n",
  );
});

function listed({ stdout }: { stdout: string }): { repo: string; converted: unknown[] }[] {
  return JSON.parse(stdout).models;
}

test("models list takes no notice of links to nothing", async (folder) => {
  await runCli(["models", "pull", "gpt2"]);
  const before = await runCli(["models", "--json"]);
  const nowhere = folder.file("nowhere");
  const hub = folder.file("hf/hub");
  for (
    const path of [
      folder.file(GGUF.replace("Q8_0", "F16")),
      folder.file("allformers/models/openai-community--gpt2/" + "f".repeat(40)),
      `${hub}/models--a--b`,
      `${hub}/models--openai-community--gpt2/snapshots/${"f".repeat(40)}`,
      `${hub}/models--openai-community--gpt2/snapshots/${COMMIT}/x.json`,
      `${hub}/models--openai-community--gpt2/blobs/x`,
    ]
  ) Deno.symlinkSync(nowhere, path);
  const after = await runCli(["models", "--json"]);
  assertEquals([after.code, after.stdout], [0, before.stdout]);
});

test("models remove is refused while the model is downloaded, with 75", async (folder) => {
  await runCli(["models", "pull", "gpt2"]);
  const cache = new RepoCache(folder.file("hf/hub"), "openai-community/gpt2");
  using _held = await cache.hold();
  const { code, stderr } = await runCli(["models", "remove", "gpt2"]);
  assertEquals(code, 75);
  assertStringIncludes(stderr, "another process is downloading or converting it");
  assertEquals(Deno.statSync(folder.file(GGUF)).isFile, true);
});

test("models pull repairs a damaged download, whose error says so", async (folder) => {
  await runCli(["models", "pull", "gpt2"]);
  const blob = Deno.realPathSync(
    folder.file(`hf/hub/models--openai-community--gpt2/snapshots/${COMMIT}/model.safetensors`),
  );
  Deno.truncateSync(blob, 3000);
  Deno.removeSync(folder.file("allformers"), { recursive: true });
  const damaged = await runCli(["info", "gpt2"]);
  assertEquals(damaged.code, 65);
  assertStringIncludes(damaged.stderr, "`deno run -A mod.ts models pull openai-community/gpt2`");
  assertEquals((await runCli(["models", "pull", "gpt2"])).code, 0);
  assertEquals((await runCli(["info", "gpt2"])).code, 0);
  Deno.truncateSync(folder.file(GGUF), 3000);
  const converted = await runCli(["info", "gpt2"]);
  assertEquals(converted.code, 65);
  assertStringIncludes(converted.stderr, "`deno run -A mod.ts models pull openai-community/gpt2`");
  assertEquals((await runCli(["models", "pull", "gpt2"])).code, 0);
  assertEquals((await runCli(["info", "gpt2"])).code, 0);
});
