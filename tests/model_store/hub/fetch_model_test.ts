import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { FileFormatError, HubError, StorageError } from "../../../src/base/errors.ts";
import type { DownloadProgress } from "../../../src/model_store/hub/download.ts";
import { fetchModel, findModel } from "../../../src/model_store/hub/fetch_model.ts";
import { parseHubModel } from "../../../src/model_store/hub/model_names.ts";
import { TemporaryFolder } from "../../checkpoint/folders.ts";
import {
  checkpointFiles,
  COMMIT,
  FakeHub,
  gitSha1,
  PLAIN,
  refusal,
  sha256,
  SHARDED,
  stalling,
} from "./fake_hub.ts";

const MODEL = parseHubModel("gpt2")!;
const REPO = "openai-community/gpt2";
const FOLDER = "models--openai-community--gpt2";

/** Not everyone may make links there. */
const isWindows = Deno.build.os === "windows";

function test(
  name: string,
  body: (hub: FakeHub, folder: TemporaryFolder) => Promise<void>,
  ignore = false,
): void {
  Deno.test(name, { ignore }, async () => {
    using folder = new TemporaryFolder();
    await using hub = new FakeHub();
    hub.add(REPO, checkpointFiles(PLAIN));
    await body(hub, folder);
  });
}

test("fetchModel() fills the cache as Python does", async (hub, folder) => {
  const { path, commit } = await fetchModel(MODEL, hub.settings(folder.path));
  assertEquals(commit, COMMIT);
  assertEquals(path, folder.file(`${FOLDER}/snapshots/${COMMIT}`));
  assertEquals(Deno.readTextFileSync(folder.file(`${FOLDER}/refs/main`)), COMMIT);
  const names = Array.from(Deno.readDirSync(path), ({ name }) => name).sort();
  assertEquals(names, [
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
  ]);
  for (const name of names) {
    const bytes = Deno.readFileSync(new URL(name, PLAIN));
    const etag = name.endsWith(".safetensors") ? sha256(bytes) : gitSha1(bytes);
    if (!isWindows || Deno.lstatSync(`${path}/${name}`).isSymlink) {
      const target = ["..", "..", "blobs", etag].join(isWindows ? "\\" : "/");
      assertEquals(Deno.readLinkSync(`${path}/${name}`), target);
    }
    assertEquals(Deno.readFileSync(`${path}/${name}`), bytes);
    assert(Deno.statSync(folder.file(`.locks/${FOLDER}/${etag}.lock`)).isFile);
  }
  assertEquals(folder.names(), [".locks", FOLDER]);
  assertEquals(Array.from(Deno.readDirSync(folder.file(`${FOLDER}/blobs`))).length, names.length);
});

test("fetchModel() copies where the system only says that it made a link", async (hub, folder) => {
  const { symlink } = Deno;
  Deno.symlink = () => Promise.resolve();
  try {
    const { path } = await fetchModel(MODEL, hub.settings(folder.path));
    for (const { name } of Deno.readDirSync(path)) {
      assert(Deno.lstatSync(`${path}/${name}`).isFile);
      assertEquals(Deno.readFileSync(`${path}/${name}`), Deno.readFileSync(new URL(name, PLAIN)));
    }
    assertEquals(Array.from(Deno.readDirSync(path)).length, 5);
  } finally {
    Deno.symlink = symlink;
  }
});

test("fetchModel() makes no request for what is in the cache", async (hub, folder) => {
  const first = await fetchModel(MODEL, hub.settings(folder.path));
  hub.seen.length = 0;
  assertEquals(await fetchModel(MODEL, hub.settings(folder.path)), first);
  const offline = hub.settings(folder.path, { offlineVariable: "HF_HUB_OFFLINE" });
  assertEquals(await fetchModel(MODEL, offline), first);
  assertEquals(await fetchModel(parseHubModel(`gpt2@${COMMIT}`)!, offline), first);
  assertEquals(findModel(MODEL, offline), first);
  assertEquals(hub.seen, []);
});

test(
  "fetchModel() with refresh asks where the branch is, and downloads what is new",
  async (hub, folder) => {
    await fetchModel(MODEL, hub.settings(folder.path));
    hub.seen.length = 0;
    const newer = "f".repeat(40);
    const files = hub.repos.get(REPO)!.files;
    const changed = new Map(files).set("tokenizer_config.json", new TextEncoder().encode("{}"));
    hub.repos.set(REPO, { commit: newer, files: changed });
    const { commit, path } = await fetchModel(MODEL, hub.settings(folder.path), { refresh: true });
    assertEquals(commit, newer);
    assertEquals(Deno.readTextFileSync(folder.file(`${FOLDER}/refs/main`)), newer);
    assertEquals(Deno.readTextFileSync(`${path}/tokenizer_config.json`), "{}");
    assertEquals(hub.count("GET"), 1);
  },
);

test("fetchModel() downloads what a snapshot lacks from the same commit", async (hub, folder) => {
  await fetchModel(MODEL, hub.settings(folder.path));
  Deno.removeSync(folder.file(`${FOLDER}/snapshots/${COMMIT}/model.safetensors`));
  hub.seen.length = 0;
  await fetchModel(MODEL, hub.settings(folder.path));
  // The blob is still there.
  assertEquals([hub.count("HEAD", "model.safetensors"), hub.count("GET")], [1, 0]);
  assert(hub.seen.every(({ path }) => path.includes(COMMIT)));
});

test("fetchModel() downloads shards and a tokenizer in two files", async (hub, folder) => {
  hub.add(REPO, checkpointFiles(SHARDED));
  const { path } = await fetchModel(MODEL, hub.settings(folder.path));
  assert(findModel(MODEL, hub.settings(folder.path)) !== undefined);
  const shards = Array.from(Deno.readDirSync(path), ({ name }) => name).filter((name) =>
    name.endsWith(".safetensors")
  );
  assertEquals(shards.length, 4);
  Deno.removeSync(`${path}/${shards[2]}`);
  assertEquals(findModel(MODEL, hub.settings(folder.path)), undefined);
});

test("fetchModel() downloads one GGUF file where it is asked to", async (hub, folder) => {
  hub.add("owner/name", { "a.gguf": "GGUF", "README.md": "" });
  const model = parseHubModel("owner/name@main:a.gguf")!;
  const { path } = await fetchModel(model, hub.settings(folder.path));
  assertEquals(Deno.readTextFileSync(path), "GGUF");
  assertEquals(hub.count("GET"), 2); // The hub, and the storage it redirects to.
  assertEquals(findModel(model, hub.settings(folder.path))?.path, path);
});

test("fetchModel() downloads what goes with a checkpoint, if it has it", async (hub, folder) => {
  const extra = { "added_tokens.json": "{}", "special_tokens_map.json": '{"pad_token": "x"}' };
  hub.add(REPO, { ...checkpointFiles(PLAIN), ...extra, "README.md": "" });
  const { path } = await fetchModel(MODEL, hub.settings(folder.path));
  for (const [name, text] of Object.entries(extra)) {
    assertEquals(Deno.readTextFileSync(`${path}/${name}`), text);
  }
  assertEquals(hub.count("GET", "README.md"), 0);
});

test("fetchModel() downloads all parts of a GGUF model", async (hub, folder) => {
  const names = [1, 2, 3].map((part) => `a-0000${part}-of-00003.gguf`);
  hub.add("owner/name", Object.fromEntries(names.map((name) => [name, `GGUF ${name}`])));
  const model = parseHubModel(`owner/name:${names[0]}`)!;
  const { path } = await fetchModel(model, hub.settings(folder.path));
  assertEquals(path.endsWith(names[0]), true);
  for (const name of names) {
    assertEquals(Deno.readTextFileSync(path.replace(names[0], name)), `GGUF ${name}`);
  }
  Deno.removeSync(path.replace(names[0], names[2]));
  assertEquals(findModel(model, hub.settings(folder.path)), undefined);
  hub.add("owner/name", { [names[0]]: "GGUF", [names[1]]: "GGUF" });
  await assertRejects(
    () => fetchModel(model, hub.settings(folder.file("other"))),
    Deno.errors.NotFound,
    `status 404 for "${names[2]}"`,
  );
});

for (const file of ["vocab.txt", "spiece.model", "tokenizer.model"]) {
  test(`fetchModel() says that ${file} is another tokenizer`, async (hub, folder) => {
    hub.add(REPO, { ...checkpointFiles(PLAIN, "tokenizer.json", "vocab.json"), [file]: "[PAD]" });
    const error = await assertRejects(
      () => fetchModel(MODEL, hub.settings(folder.path)),
      FileFormatError,
      "its tokenizer is not GPT-2's",
    );
    assertStringIncludes(error.message, `received ${file}, of another kind`);
    assertEquals(hub.count("GET", "model.safetensors"), 0);
  });
}

test("fetchModel() tells how far each file is", async (hub, folder) => {
  const events: DownloadProgress[] = [];
  const onProgress = (event: DownloadProgress) => void events.push(event);
  await fetchModel(MODEL, hub.settings(folder.path), { onProgress });
  const { size } = Deno.statSync(new URL("model.safetensors", PLAIN));
  const last = { file: "model.safetensors", receivedBytes: size, totalBytes: size };
  assertEquals(events.at(-1), last);
  assertEquals(new Set(events.map(({ file }) => file)).size, 5);
});

test(
  "fetchModel() lets a configuration be refused before weights are downloaded",
  async (hub, folder) => {
    const checkConfig = () => {
      throw new FileFormatError("not a GPT-2");
    };
    await assertRejects(
      () => fetchModel(MODEL, hub.settings(folder.path), { checkConfig }),
      FileFormatError,
    );
    assertEquals(hub.count("HEAD"), 1);
    assertEquals(findModel(MODEL, hub.settings(folder.path)), undefined);
  },
);

test("fetchModel() sends the token to the hub and to nobody else", async (hub, folder) => {
  hub.add(REPO, checkpointFiles(PLAIN), "hf_secret");
  await fetchModel(MODEL, hub.settings(folder.path, { readToken: () => "hf_secret" }));
  const { true: toHub, false: toStorage } = Object.groupBy(
    hub.seen,
    ({ server }) => String(server === "hub"),
  );
  assert(toHub!.every(({ token }) => token === "Bearer hf_secret"));
  assert(toStorage!.length > 0 && toStorage!.every(({ token }) => token === null));
});

test(
  "fetchModel() does not send the token when another host redirects back to the hub",
  async (hub, folder) => {
    hub.misbehave = (_request, { server, path, method }) => {
      if (method !== "GET" || !path.endsWith("model.safetensors")) return undefined;
      const location = server === "storage" && !path.startsWith("/back/")
        ? `${hub.endpoint}/back/model.safetensors`
        : undefined;
      if (location) return new Response(null, { status: 302, headers: { location } });
      return path.startsWith("/back/")
        ? new Response(hub.repos.get(REPO)!.files.get("model.safetensors"))
        : undefined;
    };
    await fetchModel(MODEL, hub.settings(folder.path, { readToken: () => "hf_secret" }));
    const back = hub.seen.filter(({ path }) => path.startsWith("/back/"));
    assertEquals(back.map(({ server, token }) => [server, token]), [["hub", null]]);
  },
);

test(
  "fetchModel() makes no request offline, and says which variable forbids it",
  async (hub, folder) => {
    const settings = hub.settings(folder.path, { offlineVariable: "TRANSFORMERS_OFFLINE" });
    const error = await assertRejects(() => fetchModel(MODEL, settings), HubError);
    assertStringIncludes(error.message, "TRANSFORMERS_OFFLINE");
    assertEquals(hub.seen, []);
    assertEquals(folder.names(), []);
  },
);

test("fetchModel() needs a folder to keep the files in", async (hub) => {
  const settings = hub.settings("", { cacheFolder: undefined });
  await assertRejects(() => fetchModel(MODEL, settings), StorageError, "Set HF_HUB_CACHE");
});

test("fetchModel() says how to get safetensors of a model that has none", async (hub, folder) => {
  hub.add(REPO, { ...checkpointFiles(PLAIN, "model.safetensors"), "pytorch_model.bin": "PK" });
  const error = await assertRejects(
    () => fetchModel(MODEL, hub.settings(folder.path)),
    FileFormatError,
  );
  assertStringIncludes(error.message, 'from_pretrained("openai-community/gpt2").save_pretrained');
  assertEquals(hub.count("GET", ".bin"), 0);
});

test(
  "fetchModel() refuses a model without a tokenizer as one with another",
  async (hub, folder) => {
    hub.add(REPO, checkpointFiles(PLAIN, "tokenizer.json", "vocab.json"));
    await assertRejects(
      () => fetchModel(MODEL, hub.settings(folder.path)),
      FileFormatError,
      'the model has no tokenizer: received status 404 for "vocab.json". Choose a model with',
    );
  },
);

const MISSING:
  readonly (readonly [what: string, name: string, omitted: string[], message: string])[] = [
    ["no configuration", "gpt2", ["config.json"], 'status 404 for "config.json"'],
    ["no weights", "gpt2", ["model.safetensors"], "no weights in a format that can be read"],
    ["no such revision", "gpt2@v9", [], "the hub has no such revision"],
    ["no such GGUF file", "gpt2:x.gguf", [], 'status 404 for "x.gguf"'],
  ];

for (const [what, name, omitted, message] of MISSING) {
  test(`fetchModel() finds nothing if there is ${what}`, async (hub, folder) => {
    hub.add(REPO, checkpointFiles(PLAIN, ...omitted));
    await assertRejects(
      () => fetchModel(parseHubModel(name)!, hub.settings(folder.path)),
      Deno.errors.NotFound,
      message,
    );
  });
}

const REFUSALS:
  readonly (readonly [status: number, code: string, token: string | undefined, message: string])[] =
    [
      [401, "RepoNotFound", undefined, "set HF_TOKEN"],
      [401, "", "hf_old", "the access token is not valid"],
      [403, "GatedRepo", "hf_x", "Accept the conditions at http"],
      [403, "", undefined, "not public"],
    ];

for (const [status, code, token, message] of REFUSALS) {
  test(
    `fetchModel() tells what to do about ${status} ${code || "without a reason"}`,
    async (hub, folder) => {
      hub.misbehave = () => refusal(status, code);
      const settings = hub.settings(folder.path, { readToken: () => token });
      const error = await assertRejects(() => fetchModel(MODEL, settings), HubError, message);
      assertEquals(error.status, status);
      assertEquals(error.message.includes("hf_"), false);
      assertEquals(hub.seen.length, 1);
    },
  );
}

test("fetchModel() refuses an index that names files elsewhere", async (hub, folder) => {
  for (
    const file of [
      "../x.safetensors",
      "/x.safetensors",
      "C:x.safetensors",
      "x\0.safetensors",
      "x.bin",
    ]
  ) {
    const index = JSON.stringify({ weight_map: { "h.0": file } });
    hub.add(REPO, {
      ...checkpointFiles(SHARDED, "model.safetensors.index.json"),
      "model.safetensors.index.json": index,
    });
    const target = folder.file(String(file.length) + file.slice(-3));
    await assertRejects(
      () => fetchModel(MODEL, hub.settings(target)),
      FileFormatError,
      "of the same folder",
    );
    const names = Array.from(
      Deno.readDirSync(`${target}/${FOLDER}/snapshots/${COMMIT}`),
      ({ name }) => name,
    );
    assertEquals(names.filter((name) => !name.endsWith(".json") && name !== "merges.txt"), []);
  }
});

for (const inner of ["blobs", "snapshots", "refs", ""]) {
  test(
    `fetchModel() does not write through a link from ${inner || "the repository"} to outside`,
    async (hub, folder) => {
      const outside = folder.file("outside");
      const cache = folder.file("cache");
      Deno.mkdirSync(outside);
      Deno.mkdirSync(`${cache}/${inner && FOLDER}`, { recursive: true });
      Deno.symlinkSync(outside, inner ? `${cache}/${FOLDER}/${inner}` : `${cache}/${FOLDER}`);
      await assertRejects(
        () => fetchModel(MODEL, hub.settings(cache)),
        StorageError,
        "a link in it leads out of the cache",
      );
      assertEquals(Array.from(Deno.readDirSync(outside)), []);
    },
    isWindows,
  );
}

test("fetchModel() stops at a signal, before and during a download", async (hub, folder) => {
  const before = AbortSignal.abort();
  const failed = await fetchModel(MODEL, hub.settings(folder.path), { signal: before })
    .catch((error) => error);
  assertEquals([failed.name, hub.seen.length], ["AbortError", 0]);

  const controller = new AbortController();
  hub.misbehave = (_request, { path, server }) => {
    if (server !== "storage" || !path.endsWith("model.safetensors")) return undefined;
    setTimeout(() => controller.abort(), 20);
    return stalling(hub.repos.get(REPO)!.files.get("model.safetensors")!.subarray(0, 1000));
  };
  const start = performance.now();
  const error = await fetchModel(MODEL, hub.settings(folder.path), { signal: controller.signal })
    .catch((error) => error);
  assertInstanceOf(error, DOMException);
  assertEquals(error.name, "AbortError");
  assert(performance.now() - start < 2000);
  // What came is kept, and the next time only the rest is asked for.
  hub.misbehave = () => undefined;
  hub.seen.length = 0;
  await fetchModel(MODEL, hub.settings(folder.path));
  const ranges = hub.seen.filter(({ method }) => method === "GET").map(({ range }) => range);
  assertEquals(ranges, ["bytes=1000-", "bytes=1000-"]);
});
