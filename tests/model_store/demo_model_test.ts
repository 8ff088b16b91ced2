import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { DEMO_BYTES, DEMO_SHA256, demoModelPath } from "../../src/model_store/demo_model.ts";
import { FileFormatError, HubError, StorageError } from "../../src/base/errors.ts";
import type { DownloadProgress } from "../../src/model_store/hub/download.ts";
import { TemporaryFolder } from "../checkpoint/folders.ts";

const FILE = new URL("../../src/demo/demo.gguf", import.meta.url);
const DEMO = Deno.readFileSync(FILE);
const COPY = `demo-${DEMO_SHA256.slice(0, 12)}.gguf`;

/** A server with one answer, and an empty folder. Dispose it. */
class Setup implements AsyncDisposable {
  readonly folder = new TemporaryFolder();
  numRequests = 0;
  answer: () => Response = () => new Response(DEMO);
  readonly #closing = new AbortController();
  readonly #server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, signal: this.#closing.signal, onListen() {} },
    () => {
      this.numRequests++;
      return this.answer();
    },
  );

  get options() {
    const url = new URL(`http://127.0.0.1:${this.#server.addr.port}/demo.gguf`);
    return { url, folder: this.folder.file("demo") };
  }

  /** The files that were kept. */
  kept(): string[] {
    return Array.from(Deno.readDirSync(this.options.folder), ({ name }) => name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#server.finished;
    this.folder[Symbol.dispose]();
  }
}

Deno.test("the hash and size of the demo model are those of its file", () => {
  assertEquals(DEMO.length, DEMO_BYTES);
  assertEquals(createHash("sha256").update(DEMO).digest("hex"), DEMO_SHA256);
});

Deno.test("demoModelPath() gives the file of a clone", async () => {
  assertEquals(await demoModelPath(), fileURLToPath(FILE));
  const url = new URL("nowhere.gguf", FILE);
  await assertRejects(() => demoModelPath({ url }), Deno.errors.NotFound, "its file is missing");
});

Deno.test("demoModelPath() downloads from the web once", async () => {
  await using setup = new Setup();
  const events: DownloadProgress[] = [];
  const onProgress = (event: DownloadProgress) => void events.push(event);
  const path = await demoModelPath({ ...setup.options, onProgress });
  assertEquals(path, `${setup.options.folder}/${COPY}`);
  const last = { file: "demo.gguf", receivedBytes: DEMO_BYTES, totalBytes: DEMO_BYTES };
  assertEquals(events.at(-1), last);
  assertEquals(await demoModelPath(setup.options), path);
  assertEquals([setup.numRequests, setup.kept()], [1, [COPY]]);
  assertEquals(createHash("sha256").update(Deno.readFileSync(path)).digest("hex"), DEMO_SHA256);
});

Deno.test("demoModelPath() downloads again what was damaged since", async () => {
  await using setup = new Setup();
  const path = await demoModelPath(setup.options);
  const damaged = DEMO.slice();
  damaged[3_000_000] ^= 1;
  for (const bytes of [damaged, DEMO.subarray(1), new Uint8Array()]) {
    Deno.writeFileSync(path, bytes);
    setup.numRequests = 0;
    assertEquals(await demoModelPath(setup.options), path);
    assertEquals([setup.numRequests, Deno.statSync(path).size], [1, DEMO_BYTES]);
  }
});

const damaged = DEMO.slice();
damaged[3_000_000] ^= 1;
const WRONG: readonly (readonly [what: string, body: Uint8Array<ArrayBuffer>, message: string])[] =
  [
    ["other bytes", damaged, "received the SHA-256 "],
    ["fewer bytes", DEMO.subarray(0, 1000), "received 1000 bytes instead of 3968704"],
    ["more bytes", new Uint8Array([...DEMO, 0]), "received more bytes instead of 3968704"],
  ];

for (const [what, body, message] of WRONG) {
  Deno.test(`demoModelPath() refuses ${what}, and keeps nothing`, async () => {
    await using setup = new Setup();
    setup.answer = () => new Response(body);
    await assertRejects(() => demoModelPath(setup.options), FileFormatError, message);
    assertEquals(setup.folder.names(), []);
  });
}

Deno.test("demoModelPath() tells what the server says, and when there is none", async () => {
  const setup = new Setup();
  setup.answer = () => new Response("gone", { status: 503 });
  const error = await assertRejects(() => demoModelPath(setup.options), HubError, "status 503");
  assertEquals(error.status, 503);
  const { options } = setup;
  await setup[Symbol.asyncDispose]();
  await assertRejects(() => demoModelPath(options), HubError, "the connection failed");
});

Deno.test("demoModelPath() stops when it is asked to", async () => {
  await using setup = new Setup();
  const reason = new DOMException("enough", "AbortError");
  const before = await assertRejects(() =>
    demoModelPath({ ...setup.options, signal: AbortSignal.abort(reason) })
  );
  assertStrictEquals(before, reason);
  assertEquals(setup.numRequests, 0);
  const abort = new AbortController();
  setup.answer = () =>
    new Response(
      new ReadableStream({ start: (controller) => controller.enqueue(DEMO.subarray(0, 1000)) }),
    );
  const onProgress = () => abort.abort(reason);
  const during = await assertRejects(() =>
    demoModelPath({ ...setup.options, signal: abort.signal, onProgress })
  );
  assertStrictEquals(during, reason);
  assertEquals(setup.folder.names(), []);
});

Deno.test("demoModelPath() passes on what a callback throws", async () => {
  await using setup = new Setup();
  const onProgress = () => {
    throw new TypeError("mine");
  };
  await assertRejects(
    () => demoModelPath({ ...setup.options, onProgress }),
    TypeError,
    "mine",
  );
});

Deno.test("demoModelPath() tells when nothing can be kept", async () => {
  await using setup = new Setup();
  Deno.writeTextFileSync(setup.folder.file("demo"), "a file where the folder should be");
  await assertRejects(() => demoModelPath(setup.options), StorageError, "Cannot write");
});

Deno.test("demoModelPath() says how many bytes it needs when the disk is full, and keeps nothing", async () => {
  await using setup = new Setup();
  const { write } = Deno.FsFile.prototype;
  Deno.FsFile.prototype.write = () =>
    Promise.reject(Object.assign(new Error("No space left on device"), { code: "ENOSPC" }));
  try {
    await assertRejects(
      () => demoModelPath(setup.options),
      StorageError,
      `there is no space left: received ENOSPC after 0 of the ${DEMO_BYTES} bytes needed`,
    );
  } finally {
    Deno.FsFile.prototype.write = write;
  }
  assertEquals(setup.kept(), []);
});
