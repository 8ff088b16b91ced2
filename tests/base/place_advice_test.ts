import { assertEquals } from "@std/assert";
import { cacheFolder } from "../../src/base/cache_folder.ts";
import { adviceForDamaged, modelOfCachedFile, otherPlaceFor } from "../../src/base/place_advice.ts";
import { hubModelName, parseHubModel } from "../../src/model_store/hub/model_names.ts";
import { TemporaryFolder } from "../checkpoint/folders.ts";
import { storageError } from "../../src/base/storage_error.ts";

const OWN = cacheFolder();
const COMMIT = "0123456789abcdef0123456789abcdef01234567";

Deno.test("modelOfCachedFile() finds the model that a file in a cache belongs to", () => {
  const rows: [string, string | undefined][] = [
    ["/x/hub/models--owner--name/blobs/0123", "owner/name"],
    ["models--owner--a-b.c/refs/main", "owner/a-b.c"],
    ["/x/models--owner--name", undefined],
    ["/x/models/owner--name/a.gguf", undefined],
    ["/x/a.gguf", undefined],
    ...(OWN === undefined ? [] : [[`${OWN}/demo/demo.gguf`, undefined] as [string, undefined]]),
  ];
  for (const [path, model] of rows) assertEquals(modelOfCachedFile(path), model, path);
});

Deno.test("modelOfCachedFile() names the revision, unless it is that of the main branch, and a GGUF file", () => {
  using folder = new TemporaryFolder();
  const repo = folder.file("models--owner--name");
  const paths = ["model.safetensors", "x.gguf", "inner/x.gguf"].map((file) =>
    `${repo}/snapshots/${COMMIT}/${file}`
  );
  const at = `owner/name@${COMMIT}`;
  assertEquals(paths.map(modelOfCachedFile), [at, `${at}:x.gguf`, `${at}:inner/x.gguf`]);
  Deno.mkdirSync(`${repo}/refs`, { recursive: true });
  Deno.writeTextFileSync(`${repo}/refs/main`, COMMIT);
  const names = ["owner/name", "owner/name:x.gguf", "owner/name:inner/x.gguf"];
  assertEquals(paths.map(modelOfCachedFile), names);
  for (const name of names) assertEquals(hubModelName(parseHubModel(name)!), name);
});

Deno.test("adviceForDamaged() says what to do for that kind of place", () => {
  assertEquals(
    adviceForDamaged("/x/models--owner--name/blobs/0123"),
    "It is damaged in the cache: `deno run -A mod.ts models pull owner/name` compares it with the hub, and makes it anew.",
  );
  const own = "The file is damaged or incomplete: download, convert or save it again.";
  assertEquals(adviceForDamaged("/x/a.gguf"), own);
  assertEquals(adviceForDamaged(undefined), own);
});

Deno.test("storageError() names the variable that moves the cache which cannot be written", () => {
  assertEquals(otherPlaceFor("/x/a.gguf"), "choose another folder");
  assertEquals(
    otherPlaceFor(`/x/models--owner--name/blobs`),
    "set HF_HUB_CACHE to another folder",
  );
  if (OWN === undefined || Deno.build.os !== "linux") return;
  assertEquals(otherPlaceFor(`${OWN}/models`), "set XDG_CACHE_HOME to another folder");
  for (
    const [code, reason, advice] of [
      ["ENOSPC", "there is no space left", "Make room"],
      ["EROFS", "the file system is read-only", "Have it made writable"],
      ["EACCES", "the system does not let this user write there", "Change its permissions"],
      ["EIO", "the system refused", "Check the disk"],
    ]
  ) {
    const path = `${OWN}/models/owner--name/x.gguf`;
    const error = storageError(
      path,
      Object.assign(new Error(), { code }),
      "after 1 of the 2 bytes",
    );
    assertEquals(
      (error as Error).message,
      `Cannot write "${path}": ${reason}: received ${code} after 1 of the 2 bytes. ${advice}, or set ` +
        "XDG_CACHE_HOME to another folder. Nothing that was there before has changed.",
    );
  }
});

Deno.test("storageError() leaves alone what is not the system's", () => {
  const others = [
    new Error("mine"),
    new Deno.errors.NotCapable(),
    "text",
    new DOMException("stop", "AbortError"), // Its code is a number.
    Object.assign(new Error("mine"), { code: "ERR_MINE" }),
    Object.assign(new Error("mine"), { code: 28 }),
  ];
  for (const error of others) {
    assertEquals(storageError("/x", error), error);
  }
});
