import {
  assertEquals,
  assertGreater,
  assertLess,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { HubError, StorageError } from "../../../src/base/errors.ts";
import { downloadBlob } from "../../../src/model_store/hub/download.ts";
import { RepoCache } from "../../../src/model_store/hub/hub_cache.ts";
import { HubClient, type RemoteFile } from "../../../src/model_store/hub/hub_client.ts";
import type { HubSettings } from "../../../src/model_store/hub/hub_settings.ts";
import { TemporaryFolder } from "../../checkpoint/folders.ts";
import {
  COMMIT,
  content,
  FakeHub,
  gitSha1,
  type Misbehaviour,
  refusal,
  sha256,
  stalling,
} from "./fake_hub.ts";

const MODEL = { repo: "owner/name", revision: "main" };
const FILE = "model.safetensors";
/** Several pieces of any server's body. */
const BYTES = Uint8Array.from({ length: 300_000 }, (_, index) => index * index % 251);
const ETAG = sha256(BYTES);
/** A first try and as many more as there are. */
const MAX_TRIES = 5;

/** A hub, a cache and a client of both. */
class Setup implements AsyncDisposable {
  readonly hub = new FakeHub();
  readonly folder = new TemporaryFolder();
  readonly cache = new RepoCache(this.folder.file("cache"), MODEL.repo);

  constructor() {
    this.hub.add(MODEL.repo, { [FILE]: BYTES, "config.json": "{}" });
  }

  client(changes: Partial<HubSettings> = {}): HubClient {
    return new HubClient(this.hub.settings(this.folder.path, changes), MODEL);
  }

  async download(changes: Partial<HubSettings> = {}, file = FILE): Promise<void> {
    const client = this.client(changes);
    const remote = await client.describe("main", file);
    await downloadBlob(client, this.cache, remote!);
  }

  /** What is in the folder for blobs, by name, without what is random in the name of an unfinished file. */
  blobs(): string[] {
    const folder = `${this.cache.folder}/blobs`;
    return Array.from(
      Deno.readDirSync(folder),
      ({ name }) => name.replace(/\.[0-9a-f]{8}\./, ".*."),
    )
      .sort();
  }

  assertComplete(): void {
    assertEquals(this.blobs(), [ETAG]);
    assertEquals(Deno.readFileSync(this.cache.blobPath(ETAG)), BYTES);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }
}

function test(name: string, body: (setup: Setup) => Promise<void>): void {
  Deno.test(name, async () => {
    await using setup = new Setup();
    await body(setup);
  });
}

/** Lets the storage answer a GET otherwise, the first `times` times. */
function badStorage(
  answer: (request: Request, usual: () => Response) => Response,
  times = Infinity,
): Misbehaviour {
  return (request, { server }, usual) =>
    server === "storage" && times-- > 0 ? answer(request, usual) : undefined;
}

function numStorageRequests({ hub }: Setup): number {
  return hub.seen.filter(({ server }) => server === "storage").length;
}

/** The first half of what is asked for, and then the connection breaks, though more was promised. */
function cut(request: Request): Response {
  const whole = content(request, BYTES, "");
  const start = BYTES.length - Number(whole.headers.get("content-length"));
  const half = BYTES.subarray(start, start + (BYTES.length - start >> 1));
  return new Response(
    new ReadableStream({
      start: (controller) => controller.enqueue(half),
      pull: (controller) => controller.error(new Error("cut")),
    }, { highWaterMark: 0 }),
    { status: whole.status, headers: whole.headers },
  );
}

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

/** What a server may do once, and still the right bytes arrive. */
const RECOVERABLE: readonly (readonly [
  what: string,
  answer: (request: Request, usual: () => Response) => Response,
])[] = [
  ["a body that ends early", () => new Response(BYTES.slice(0, 10))],
  ["a body that is too long", () => new Response(new Uint8Array(BYTES.length + 1))],
  ["other bytes of the right size", () => new Response(new Uint8Array(BYTES.length))],
  [
    "another part than asked for",
    () =>
      new Response(BYTES.slice(7), {
        status: 206,
        headers: { "content-range": "bytes 7-299999/300000" },
      }),
  ],
  ["status 429", () => new Response(null, { status: 429, headers: { "retry-after": "0" } })],
  [
    "status 429 with a date that is past",
    () =>
      new Response(null, { status: 429, headers: { "retry-after": new Date(0).toUTCString() } }),
  ],
  ["status 500", () => new Response(null, { status: 500 })],
  ["status 503", () => new Response(null, { status: 503 })],
  [
    "a compressed body",
    (_request, usual) => new Response(usual().body, { headers: { "content-encoding": "gzip" } }),
  ],
  ["a body that stops to come", () => stalling(BYTES.slice(0, 10))],
];

for (const [what, answer] of RECOVERABLE) {
  test(`downloadBlob() tries again after ${what}`, async (setup) => {
    setup.hub.misbehave = badStorage(answer, 1);
    await setup.download({ downloadTimeoutMs: 300 });
    setup.assertComplete();
    assertEquals(numStorageRequests(setup), 2);
  });

  test(`downloadBlob() gives up after ${what}, again and again`, async (setup) => {
    setup.hub.misbehave = badStorage(answer);
    await assertRejects(
      () => setup.download({ downloadTimeoutMs: 60 }),
      HubError,
      "Cannot download",
    );
    assertEquals(numStorageRequests(setup), MAX_TRIES);
    // Only bytes that may be right are kept.
    assertEquals(setup.blobs().filter((name) => !name.endsWith(".incomplete")), []);
  });
}

test("downloadBlob() leaves nothing behind that is not the beginning of the file", async (setup) => {
  for (const wrong of [new Uint8Array(BYTES.length), new Uint8Array(BYTES.length + 1)]) {
    setup.hub.misbehave = badStorage(() => new Response(wrong));
    await assertRejects(() => setup.download(), HubError);
    assertEquals(setup.blobs(), []);
  }
});

test("downloadBlob() does not read on after what is too long", async (setup) => {
  const piece = new Uint8Array(1_000_000);
  const numPieces: number[] = [];
  setup.hub.misbehave = badStorage(() => {
    const index = numPieces.push(0) - 1;
    return new Response(
      new ReadableStream({
        pull(controller) {
          controller.enqueue(piece);
          if (++numPieces[index] === 60) controller.close();
        },
      }, { highWaterMark: 0 }),
    );
  });
  await assertRejects(() => setup.download(), HubError, "longer than the hub promised");
  assertEquals(numPieces.length, MAX_TRIES);
  // What the system had buffered on the way is lost, no more.
  assertLess(Math.max(...numPieces), 40);
});

test("downloadBlob() does not expand a compressed body", async (setup) => {
  // 20 MB of zeros in 20 kB.
  const zeros = new Blob([new Uint8Array(20_000_000)]).stream();
  const bomb = await new Response(zeros.pipeThrough(new CompressionStream("gzip"))).arrayBuffer();
  setup.hub.misbehave = badStorage(() =>
    new Response(bomb, { headers: { "content-encoding": "gzip" } })
  );
  await assertRejects(
    () => setup.download(),
    HubError,
    'compressed, which was not asked for: received "gzip"',
  );
  assertEquals(setup.blobs(), []);
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

test("downloadBlob() waits as long as it is asked to", async (setup) => {
  setup.hub.misbehave = badStorage(
    () => new Response(null, { status: 429, headers: { "retry-after": "1" } }),
    1,
  );
  const start = performance.now();
  await setup.download();
  assertGreater(performance.now() - start, 950);
  setup.assertComplete();
});

test("downloadBlob() does not wait for an hour", async (setup) => {
  setup.hub.misbehave = badStorage(() =>
    new Response(null, { status: 429, headers: { "retry-after": "3600" } })
  );
  const error = await assertRejects(() => setup.download(), HubError, "received status 429");
  assertEquals([error.status, numStorageRequests(setup)], [429, 1]);
});

const REDIRECTS: readonly (readonly [what: string, location: string, message: string])[] = [
  ["to itself", "", "redirects in circles"],
  ["to a file", "file:///etc/passwd", 'received "file://"'],
  ["to data", "data:text/plain,x", 'received "data://"'],
  [
    "with a password",
    "http://user:password@127.0.0.1/",
    "redirects to where no model is fetched from",
  ],
  ["to no URL", "http://[", 'received "http://["'],
];

for (const [what, location, message] of REDIRECTS) {
  test(`downloadBlob() does not follow a redirect ${what}`, async (setup) => {
    setup.hub.misbehave = badStorage(() =>
      new Response(null, { status: 302, headers: { location } })
    );
    const error = await assertRejects(() => setup.download(), HubError, message);
    // Nothing of a signature, which is in the query of the URL that redirects.
    assertEquals(error.message.includes("secret"), false);
    assertLess(numStorageRequests(setup), 12);
    assertEquals(setup.blobs(), []);
  });
}

Deno.test("HubClient does not follow a redirect from https to http", async () => {
  const seen: string[] = [];
  const original = globalThis.fetch;
  globalThis.fetch = (input) => {
    seen.push(String(input));
    const location = "http://127.0.0.1:1/";
    return Promise.resolve(new Response(null, { status: 302, headers: { location } }));
  };
  try {
    await using setup = new Setup();
    const client = setup.client({ endpoint: "https://hub.test" });
    await assertRejects(
      () => client.describe("main", FILE),
      HubError,
      'received "http://127.0.0.1:1"',
    );
    assertEquals(seen.length, 1);
  } finally {
    globalThis.fetch = original;
  }
});

const DESCRIPTIONS:
  readonly (readonly [what: string, headers: Record<string, string>, received: string])[] = [
    ["no commit", { "x-repo-commit": "" }, "X-Repo-Commit"],
    ["a commit that leads elsewhere", { "x-repo-commit": "../../x" }, "X-Repo-Commit"],
    ["no hash", { "x-linked-etag": "" }, "ETag"],
    ["a hash that leads elsewhere", { "x-linked-etag": '"../../x"' }, "ETag"],
    ["a size below zero", { "x-linked-size": "-1" }, "size"],
    ["a size beyond all disks", { "x-linked-size": "9".repeat(16) }, "size"],
  ];

for (const [what, changes, received] of DESCRIPTIONS) {
  test(`HubClient refuses the description of a file with ${what}`, async (setup) => {
    setup.hub.misbehave = () =>
      new Response(null, {
        headers: {
          "x-repo-commit": COMMIT,
          "x-linked-etag": ETAG,
          "x-linked-size": "5",
          ...changes,
        },
      });
    await assertRejects(() => setup.client().describe("main", FILE), HubError, `as ${received}`);
  });
}

test("HubClient gives up on a hub that does not answer", async (setup) => {
  setup.hub.misbehave = () => new Promise(() => {});
  const start = performance.now();
  await assertRejects(
    () => setup.client({ metadataTimeoutMs: 40 }).describe("main", FILE),
    HubError,
    "nothing came for 0.04 s",
  );
  assertLess(performance.now() - start, 3000);
  assertEquals(setup.hub.seen.length, MAX_TRIES);
});

test("HubClient says where nobody answers", async (setup) => {
  const client = setup.client({ endpoint: "http://127.0.0.1:9" });
  await assertRejects(
    () => client.describe("main", FILE),
    HubError,
    'from "http://127.0.0.1:9/owner',
  );
});

test("HubClient does not try again what is refused", async (setup) => {
  setup.hub.misbehave = () => refusal(400, "");
  await assertRejects(() => setup.client().describe("main", FILE), HubError, "received status 400");
  assertEquals(setup.hub.seen.length, 1);
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
