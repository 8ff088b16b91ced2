import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { HubError, StorageError } from "../../../src/base/errors.ts";
import { downloadBlob } from "../../../src/model_store/hub/download.ts";
import { RepoCache } from "../../../src/model_store/hub/hub_cache.ts";
import type { RemoteFile } from "../../../src/model_store/hub/hub_client.ts";
import {
  badStorage,
  BYTES,
  cut,
  ETAG,
  FILE,
  MAX_TRIES,
  MODEL,
  numStorageRequests,
  test,
} from "./download_setup.ts";
import { COMMIT, gitSha1, sha256 } from "./fake_hub.ts";

test("downloadBlob() goes on where the connection broke", async (setup) => {
  setup.hub.misbehave = badStorage(cut, 2);
  await setup.download();
  setup.assertComplete();
  const ranges = setup.hub.seen.filter(({ server }) => server === "storage").map(({ range }) =>
    range
  );
  assertEquals(ranges, [null, "bytes=150000-", "bytes=225000-"]);
});

test("downloadBlob() keeps what came before it gave up, and takes it up the next time", async (setup) => {
  setup.hub.misbehave = badStorage(cut);
  const error = await assertRejects(() => setup.download(), HubError);
  assertStringIncludes(error.message, "the connection failed");
  assertEquals(numStorageRequests(setup), MAX_TRIES);
  assertEquals(setup.blobs(), [`${ETAG}.*.incomplete`]);
  setup.hub.misbehave = () => undefined;
  await setup.download();
  setup.assertComplete();
  assertEquals(setup.hub.seen.at(-1)!.range, `bytes=${300_000 - Math.ceil(300_000 / 32)}-`);
});

test("downloadBlob() begins anew where a range is answered with everything", async (setup) => {
  setup.hub.misbehave = (request, { server, range }) => {
    if (server !== "storage") return undefined;
    return range === null ? cut(request) : new Response(BYTES);
  };
  await setup.download();
  setup.assertComplete();
  assertEquals(numStorageRequests(setup), 2);
});

test("downloadBlob() begins anew where a range is out of range", async (setup) => {
  setup.hub.misbehave = (request, { server, range }) => {
    if (server !== "storage" || numStorageRequests(setup) > 2) return undefined;
    return range === null ? cut(request) : new Response(null, { status: 416 });
  };
  await setup.download();
  setup.assertComplete();
  assertEquals(setup.hub.seen.at(-1)!.range, null);
});

test("downloadBlob() begins anew where a part is of a file of another size", async (setup) => {
  setup.hub.misbehave = (request, { server, range }, usual) => {
    if (server !== "storage" || numStorageRequests(setup) > 2) return undefined;
    if (range === null) return cut(request);
    const { headers, status, body } = usual();
    headers.set("content-range", "bytes 150000-299999/300001");
    return new Response(body, { status, headers });
  };
  await setup.download();
  setup.assertComplete();
  assertEquals(setup.hub.seen.at(-1)!.range, null);
});

test("downloadBlob() does not mix two versions of a file", async (setup) => {
  setup.hub.misbehave = badStorage(cut);
  await assertRejects(() => setup.download(), HubError);
  const newer = BYTES.map((byte) => byte ^ 1);
  setup.hub.add(MODEL.repo, { [FILE]: newer });
  setup.hub.misbehave = () => undefined;
  await setup.download();
  assertEquals(Deno.readFileSync(setup.cache.blobPath(sha256(newer))), newer);
  assertEquals(setup.hub.seen.at(-1)!.range, null);
});

test("downloadBlob() notices that what was left of an earlier attempt is wrong", async (setup) => {
  const blobs = `${setup.cache.folder}/blobs`;
  Deno.mkdirSync(blobs, { recursive: true });
  for (const size of [1000, BYTES.length, BYTES.length + 1]) {
    Deno.writeFileSync(`${blobs}/${ETAG}.incomplete`, new Uint8Array(size));
    await setup.download();
    setup.assertComplete();
    Deno.removeSync(setup.cache.blobPath(ETAG));
  }
});

test("downloadBlob() makes no request for what was complete but not yet renamed", async (setup) => {
  Deno.mkdirSync(`${setup.cache.folder}/blobs`, { recursive: true });
  Deno.writeFileSync(`${setup.cache.folder}/blobs/${ETAG}.01234567.incomplete`, BYTES);
  await setup.download();
  setup.assertComplete();
  assertEquals(numStorageRequests(setup), 0);
});

test("downloadBlob() verifies small files by git's hash", async (setup) => {
  await setup.download({}, "config.json");
  assertEquals(setup.blobs(), [gitSha1(new TextEncoder().encode("{}"))]);
  setup.hub.misbehave = (request, { path }) =>
    request.method === "GET" && path.startsWith("/cache/") ? new Response("[]") : undefined;
  Deno.removeSync(`${setup.cache.folder}/blobs/${setup.blobs()[0]}`);
  await assertRejects(
    () => setup.download({}, "config.json"),
    HubError,
    "not those the hub promised",
  );
  assertEquals(setup.blobs(), []);
});

test("downloadBlob() accepts an empty file", async (setup) => {
  setup.hub.add(MODEL.repo, { "empty.json": "" });
  await setup.download({}, "empty.json");
  assertEquals(setup.blobs(), ["e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"]);
});

test("downloadBlob() lets only one of two at the same time download", async (setup) => {
  await Promise.all([setup.download(), setup.download(), setup.download()]);
  assertEquals(numStorageRequests(setup), 1);
  setup.assertComplete();
});

test("downloadBlob() says how many bytes it could not write", async (setup) => {
  const remote: RemoteFile = { file: FILE, commit: COMMIT, etag: ETAG, size: BYTES.length };
  const noFolder = new RepoCache(setup.folder.file("file"), MODEL.repo);
  Deno.writeTextFileSync(setup.folder.file("file"), "");
  await assertRejects(
    () => downloadBlob(setup.client(), noFolder, remote),
    StorageError,
    "Cannot write",
  );

  const original = Deno.FsFile.prototype.write;
  Deno.FsFile.prototype.write = () =>
    Promise.reject(Object.assign(new Error("No space left on device"), { code: "ENOSPC" }));
  try {
    const error = await assertRejects(
      () => setup.download(),
      StorageError,
      "there is no space left",
    );
    assertStringIncludes(error.message, "ENOSPC after 0 of the 300000 bytes needed");
  } finally {
    Deno.FsFile.prototype.write = original;
  }
  assertEquals(setup.blobs(), []);
  await setup.download();
  setup.assertComplete();
});
