/**
 * Removing models while other processes, here other holders of locks, are at them.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import { takeFileLock } from "../../src/base/file_lock.ts";
import { ConvertedModels } from "../../src/model_store/converted_models.ts";
import { fetchModel } from "../../src/model_store/hub/fetch_model.ts";
import { RepoCache } from "../../src/model_store/hub/hub_cache.ts";
import { parseHubModel } from "../../src/model_store/hub/model_names.ts";
import { resolveHubModel } from "../../src/model_store/hub_models.ts";
import { TemporaryFolder } from "../checkpoint/folders.ts";
import { checkpointFiles, FakeHub, PLAIN, stalling } from "./hub/fake_hub.ts";

const MODEL = parseHubModel("gpt2")!;

Deno.test("RepoCache.remove() refuses while the model is downloaded, and works afterwards", async () => {
  using folder = new TemporaryFolder();
  await using hub = new FakeHub();
  hub.add(MODEL.repo, checkpointFiles(PLAIN));
  const begun = Promise.withResolvers<void>();
  hub.misbehave = (_request, { path }) => {
    if (!path.endsWith("tokenizer.json")) return undefined;
    begun.resolve();
    return stalling(new Uint8Array(1));
  };
  const abort = new AbortController();
  const pulling = fetchModel(MODEL, hub.settings(folder.path), { signal: abort.signal });
  await begun.promise;
  const cache = new RepoCache(folder.path, MODEL.repo);
  await assertRejects(() => cache.remove(), Deno.errors.Busy, "is downloading or converting it");
  assertEquals(Deno.statSync(cache.folder).isDirectory, true);
  abort.abort();
  await assertRejects(() => pulling);
  await cache.remove();
  assertEquals(folder.names(), [".locks"]);
  await cache.remove(); // There is nothing any more.
});

Deno.test("RepoCache.remove() refuses while Python writes a blob", async () => {
  using folder = new TemporaryFolder();
  const cache = new RepoCache(folder.path, MODEL.repo);
  {
    using _lock = await cache.lockBlob("0".repeat(64));
    await assertRejects(() => cache.remove(), Deno.errors.Busy);
  }
  await cache.remove();
});

Deno.test("ConvertedModels.remove() refuses while a model is converted, and works afterwards", async () => {
  using folder = new TemporaryFolder();
  await using hub = new FakeHub();
  hub.add(MODEL.repo, checkpointFiles(PLAIN));
  const options = { hub: hub.settings(folder.file("hub")), convertedFolder: folder.file("models") };
  const path = await resolveHubModel(MODEL, options);
  const models = new ConvertedModels(options.convertedFolder, MODEL.repo);
  {
    using _lock = await takeFileLock(`${path}.lock`);
    await assertRejects(() => models.remove(), Deno.errors.Busy);
    assertEquals(models.list().map(({ path }) => path), [path]);
  }
  if (Deno.build.os !== "windows") { // Not everyone may make links there.
    Deno.symlinkSync(folder.file("nowhere"), path.replace("Q8_0", "F16"));
  }
  assertEquals(models.list().map(({ path }) => path), [path]);
  await models.remove();
  assertEquals(models.list(), []);
});
