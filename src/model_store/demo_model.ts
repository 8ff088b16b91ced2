/**
 * The small model that comes with this package.
 *
 * @module
 */
import { FileFormatError, HubError, StorageError } from "../base/errors.ts";
import { requireCacheFolder } from "../base/cache_folder.ts";
import { writeFileAtomically } from "../base/atomic_file.ts";
import { quote, quotePath } from "../base/describe.ts";
import type { DownloadOptions } from "./hub/download.ts";
import { pathOfFileUrl } from "../base/file_url.ts";
import { isFile } from "../base/files.ts";
import { sha256 } from "../base/sha256.ts";
import { place, StallTimer } from "./hub/stall_timer.ts";

/** Where it is, as seen from this module: a file in a clone, a page on the web if the package was not installed. */
const DEMO_URL = new URL("../demo/demo.gguf", import.meta.url);

/** How many bytes it has. */
export const DEMO_BYTES = 3_967_744;
/** The SHA-256 of these. */
export const DEMO_SHA256 = "25ca9182327c8ce610c2e248af4691d1b5dd4121de13d48d48707d1fbb63626c";

/** How long a server may be silent. */
const STALL_MS = 30_000;

/** Options of {@linkcode demoModelPath}. */
export interface DemoModelOptions extends DownloadOptions {
  /** Where the model is. Default: beside this package's code. */
  url?: URL;
  /** Where a model from the web is kept. Default: the folder `demo` in this package's cache. */
  folder?: string;
}

/**
 * The path of the demo model: of the file in this package, or, where the package is on the web, of a copy in the cache,
 * which is downloaded when it is first needed. A copy that was damaged since is downloaded again.
 *
 * @throws {Deno.errors.NotFound} if the file is missing
 * @throws {HubError} if the server refuses or cannot be reached
 * @throws {FileFormatError} if the server has another file
 * @throws {StorageError} if the cache cannot be written
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function demoModelPath(options: DemoModelOptions = {}): Promise<string> {
  const { url = DEMO_URL, signal } = options;
  signal?.throwIfAborted();
  if (url.protocol === "file:") return installedPath(url);
  const folder = options.folder ?? `${requireCacheFolder("the demo model")}/demo`;
  // By its contents, so that several versions of this package do not replace each other's.
  const path = `${folder}/demo-${DEMO_SHA256.slice(0, 12)}.gguf`;
  if (isFile(path) && await isDemo(await readFile(path, signal))) return path;
  const bytes = await download(url, options);
  await makeFolder(folder);
  await writeFileAtomically(path, bytes.length, [bytes], { signal });
  return path;
}

function installedPath(url: URL): string {
  const path = pathOfFileUrl(url);
  if (isFile(path)) return path;
  throw new Deno.errors.NotFound(
    `Cannot find the demo model: its file is missing: received ${quotePath(path)}. ` +
      "Install the package again.",
  );
}

async function readFile(path: string, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await Deno.readFile(path, { signal });
  } catch (error) {
    if (signal?.aborted || error instanceof Deno.errors.NotCapable) throw error;
    throw new StorageError(
      `Cannot read the demo model ${quotePath(path)}: the system refused: received ` +
        `${(error as Error).message}. Remove the file; it is downloaded again.`,
      { cause: error },
    );
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await Deno.mkdir(folder, { recursive: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    throw new StorageError(
      `Cannot keep the demo model in ${quotePath(folder)}: the system refused: received ` +
        `${(error as Error).message}. Change its permissions, or set XDG_CACHE_HOME.`,
      { cause: error },
    );
  }
}

async function isDemo(bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
  return bytes.length === DEMO_BYTES && await sha256(bytes) === DEMO_SHA256;
}

/** Downloads it, and compares it with what this package was published with. */
async function download(
  url: URL,
  { signal, onProgress }: DemoModelOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(DEMO_BYTES);
  let receivedBytes = 0;
  for await (const piece of piecesOf(url, signal)) {
    // What is longer is another file; no more of it need be seen.
    if (receivedBytes + piece.length > DEMO_BYTES) throw otherFile(url, "more bytes");
    bytes.set(piece, receivedBytes);
    receivedBytes += piece.length;
    onProgress?.({ file: "demo.gguf", receivedBytes, totalBytes: DEMO_BYTES });
  }
  if (receivedBytes < DEMO_BYTES) throw otherFile(url, `${receivedBytes} bytes`);
  const hash = await sha256(bytes);
  if (hash !== DEMO_SHA256) throw otherFile(url, `the SHA-256 ${hash}`);
  return bytes;
}

/** What a server sends, as it comes. Leaving the loop ends the request. */
async function* piecesOf(url: URL, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  using timer = new StallTimer(url, STALL_MS, signal);
  const explained = async <T>(operation: Promise<T>): Promise<T> => {
    try {
      return await operation;
    } catch (error) {
      signal?.throwIfAborted();
      // A missing --allow-net is about this process: Deno's own message names the flag.
      if (error instanceof Deno.errors.NotCapable) throw error;
      const reason = timer.signal.aborted
        ? `nothing for ${STALL_MS / 1000} s`
        : quote((error as Error).message);
      throw new HubError(
        `Cannot download the demo model from ${place(url)}: the connection failed: received ` +
          `${reason}. It is needed once: check the network.`,
        { cause: error },
      );
    }
  };
  const { ok, status, body } = await explained(fetch(url, { signal: timer.signal }));
  const reader = body?.getReader();
  try {
    if (!ok) {
      throw new HubError(
        `Cannot download the demo model from ${place(url)}: the server refused: received status ` +
          `${status}. Try again later.`,
        { status },
      );
    }
    while (reader !== undefined) {
      timer.restart();
      const { done, value } = await explained(reader.read());
      if (done) return;
      yield value;
    }
  } finally {
    // Its errors interest nobody now.
    await reader?.cancel().catch(() => {});
  }
}

function otherFile(url: URL, received: string): FileFormatError {
  return new FileFormatError(
    `Cannot download the demo model from ${place(url)}: it is not the file that was published: ` +
      `received ${received} instead of ${DEMO_BYTES} bytes with the SHA-256 ${DEMO_SHA256}. ` +
      "Try again later, or on another network.",
    { path: url.href },
  );
}
