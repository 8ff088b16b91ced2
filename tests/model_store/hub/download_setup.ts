/**
 * A hub, a cache, and a file to be downloaded from one into the other.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { downloadBlob } from "../../../src/model_store/hub/download.ts";
import { RepoCache } from "../../../src/model_store/hub/hub_cache.ts";
import { HubClient } from "../../../src/model_store/hub/hub_client.ts";
import type { HubSettings } from "../../../src/model_store/hub/hub_settings.ts";
import { TemporaryFolder } from "../../checkpoint/folders.ts";
import { content, FakeHub, type Misbehaviour, sha256 } from "./fake_hub.ts";

export const MODEL = { repo: "owner/name", revision: "main" };
export const FILE = "model.safetensors";
/** Several pieces of any server's body. */
export const BYTES = Uint8Array.from({ length: 300_000 }, (_, index) => index * index % 251);
export const ETAG = sha256(BYTES);
/** A first try and as many more as there are. */
export const MAX_TRIES = 5;

/** A hub, a cache and a client of both. */
export class Setup implements AsyncDisposable {
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

export function test(name: string, body: (setup: Setup) => Promise<void>): void {
  Deno.test(name, async () => {
    await using setup = new Setup();
    await body(setup);
  });
}

/** Lets the storage answer a GET otherwise, the first `times` times. */
export function badStorage(
  answer: (request: Request, usual: () => Response) => Response,
  times = Infinity,
): Misbehaviour {
  return (request, { server }, usual) =>
    server === "storage" && times-- > 0 ? answer(request, usual) : undefined;
}

export function numStorageRequests({ hub }: Setup): number {
  return hub.seen.filter(({ server }) => server === "storage").length;
}

/** The first half of what is asked for, and then the connection breaks, though more was promised. */
export function cut(request: Request): Response {
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
