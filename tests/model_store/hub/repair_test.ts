/**
 * What was damaged in the caches, and how it is made good.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { FileFormatError } from "../../../src/base/errors.ts";
import { openCheckpoint } from "../../../src/checkpoint/open_checkpoint.ts";
import { resolveHubModel, type ResolveOptions } from "../../../src/model_store/hub_models.ts";
import { fetchModel } from "../../../src/model_store/hub/fetch_model.ts";
import { parseHubModel } from "../../../src/model_store/hub/model_names.ts";
import { TemporaryFolder } from "../../checkpoint/folders.ts";
import { checkpointFiles, COMMIT, FakeHub, PLAIN, sha256 } from "./fake_hub.ts";

const MODEL = parseHubModel("gpt2")!;
const WEIGHTS = Deno.readFileSync(new URL("model.safetensors", PLAIN));

function test(
  name: string,
  body: (setup: {
    hub: FakeHub;
    folder: TemporaryFolder;
    options: ResolveOptions & { hub: NonNullable<ResolveOptions["hub"]> };
    snapshot: string;
  }) => Promise<void>,
  ignore = false,
): void {
  Deno.test(name, { ignore }, async () => {
    using folder = new TemporaryFolder();
    await using hub = new FakeHub();
    hub.add("openai-community/gpt2", checkpointFiles(PLAIN));
    const settings = hub.settings(folder.file("hub"));
    await body({
      hub,
      folder,
      options: { hub: settings, convertedFolder: folder.file("models") },
      snapshot: folder.file(`hub/models--openai-community--gpt2/snapshots/${COMMIT}`),
    });
  });
}

const otherBytes = WEIGHTS.slice();
otherBytes[otherBytes.length - 1] ^= 1;

for (
  const [what, bytes] of [
    ["a shorter one", WEIGHTS.slice(0, -1000)],
    ["an empty one", new Uint8Array()],
    ["a longer one", new Uint8Array([...WEIGHTS, 0])],
    ["one of the same size", otherBytes],
  ] as const
) {
  for (const isCopied of [false, true]) {
    test(
      `fetchModel() with refresh replaces ${isCopied ? "a copy" : "a blob"}: ${what}`,
      async ({ hub, options, snapshot }) => {
        await fetchModel(MODEL, options.hub);
        const path = `${snapshot}/model.safetensors`;
        if (isCopied) Deno.removeSync(path);
        Deno.writeFileSync(path, bytes);
        hub.seen.length = 0;
        const { isRepaired } = await fetchModel(MODEL, options.hub, { refresh: true });
        assert(isRepaired);
        assertEquals(Deno.readFileSync(path), WEIGHTS);
        assertEquals(Deno.readFileSync(`${snapshot}/../../blobs/${sha256(WEIGHTS)}`), WEIGHTS);
        // Where only the copy was damaged, the blob is there to be taken again.
        assertEquals(
          hub.seen.filter(({ server }) => server === "storage").length,
          isCopied ? 0 : 1,
        );
        hub.seen.length = 0;
        assertEquals((await fetchModel(MODEL, options.hub, { refresh: true })).isRepaired, false);
        assertEquals(hub.count("GET"), 0);
      },
      // Not everyone may make links there, through which a blob is damaged.
      !isCopied && Deno.build.os === "windows",
    );
  }
}

test("fetchModel() with refresh replaces a damaged configuration", async ({ options, snapshot }) => {
  await fetchModel(MODEL, options.hub);
  const text = Deno.readTextFileSync(`${snapshot}/config.json`);
  Deno.writeTextFileSync(`${snapshot}/config.json`, "{");
  await fetchModel(MODEL, options.hub, { refresh: true });
  assertEquals(Deno.readTextFileSync(`${snapshot}/config.json`), text);
});

test("resolveHubModel() with refresh converts again what was made from damaged bytes", async ({ options, snapshot }) => {
  const path = await resolveHubModel(MODEL, options);
  const right = Deno.readFileSync(path);
  Deno.writeFileSync(`${snapshot}/model.safetensors`, otherBytes);
  Deno.removeSync(path);
  await resolveHubModel(MODEL, options);
  assertEquals(await resolveHubModel(MODEL, { ...options, refresh: true }), path);
  assertEquals(Deno.readFileSync(path), right);
});

test("resolveHubModel() with refresh converts again what is damaged, and nothing else", async ({ options }) => {
  const path = await resolveHubModel(MODEL, options);
  const right = Deno.readFileSync(path);
  for (const bytes of [right.slice(0, -100), new Uint8Array(), new Uint8Array(100)]) {
    Deno.writeFileSync(path, bytes);
    await resolveHubModel(MODEL, { ...options, refresh: true });
    assertEquals(Deno.readFileSync(path), right);
  }
  const { ino } = Deno.statSync(path);
  await resolveHubModel(MODEL, { ...options, refresh: true });
  assertEquals(Deno.statSync(path).ino, ino);
});

test("a damaged download is an error that says how to repair it", async ({ options, snapshot }) => {
  await fetchModel(MODEL, options.hub);
  for (
    const [file, bytes] of [["model.safetensors", WEIGHTS.slice(0, -1000)], [
      "config.json",
      new Uint8Array(5),
    ]] as const
  ) {
    const before = Deno.readFileSync(`${snapshot}/${file}`);
    Deno.writeFileSync(`${snapshot}/${file}`, bytes);
    const error = await assertRejects(() => resolveHubModel(MODEL, options), FileFormatError);
    assertStringIncludes(error.message, "`deno run -A mod.ts models pull openai-community/gpt2`");
    Deno.writeFileSync(`${snapshot}/${file}`, before);
  }
});

test("a damaged file of one's own is an error that says to get it again", async ({ folder }) => {
  const path = folder.file("x.gguf");
  Deno.writeTextFileSync(path, "GGUF");
  const error = await assertRejects(() => openCheckpoint(path), FileFormatError);
  assertStringIncludes(error.message, "download, convert or save it again");
});
