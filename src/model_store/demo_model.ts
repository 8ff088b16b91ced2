/**
 * The small model that comes with this package.
 *
 * @module
 */
import { FileFormatError, HubError, StorageError } from "../base/errors.ts";
import { requireCacheFolder } from "../base/cache_folder.ts";
import { writeFileAtomically } from "../base/atomic_file.ts";
import { quotePath } from "../base/describe.ts";
import type { DownloadOptions } from "./hub/download.ts";
import { pathOfFileUrl } from "../base/file_url.ts";
import { folderOf, infoIfAny, isFile } from "../base/files.ts";
import { makeFolderInside } from "../base/folder_inside.ts";
import { sha256 } from "../base/sha256.ts";
import { bodyPieces } from "./hub/body_pieces.ts";
import { place, StallTimer } from "./hub/stall_timer.ts";

/** Where it is, as seen from this module: a file in a clone, a page on the web if the package was not installed. */
const DEMO_URL = new URL("../demo/demo.gguf", import.meta.url);

/** How many bytes it has. */
export const DEMO_BYTES = 3_968_704;
/** The SHA-256 of these. */
export const DEMO_SHA256 = "1da034ced6b7d279f49c0857d62635a98cc33028f91237777060956cd143ef50";

/** How long a server may be silent. */
const STALL_MS = 30_000;
const ADVICE = {
  slow: "It is needed once: try again later.",
  failed: "It is needed once: check the network.",
};

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
  const folder = options.folder ?? requireCacheFolder("demo");
  // By its contents, so that several versions of this package do not replace each other's.
  const path = `${folder}/demo-${DEMO_SHA256.slice(0, 12)}.gguf`;
  if (infoIfAny(path)?.size === DEMO_BYTES && await isDemo(await readFile(path, signal))) {
    return path;
  }
  const bytes = await download(url, options);
  await makeFolderInside(folderOf(folder), folder);
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

async function isDemo(bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
  return await sha256(bytes) === DEMO_SHA256;
}

/** Downloads it, and compares it with what this package was published with. */
async function download(
  url: URL,
  { signal, onProgress }: DemoModelOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(DEMO_BYTES);
  let receivedBytes = 0;
  using timer = new StallTimer(url, STALL_MS, signal, ADVICE);
  const response = await fetch(url, { signal: timer.signal }).catch((error) => {
    throw timer.explain(error);
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw new HubError(
      `Cannot download the demo model from ${place(url)}: the server refused: received status ` +
        `${response.status}. Try again later.`,
      { status: response.status },
    );
  }
  for await (const piece of bodyPieces(response, timer)) {
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

function otherFile(url: URL, received: string): FileFormatError {
  return new FileFormatError(
    `Cannot download the demo model from ${place(url)}: it is not the file that was published: ` +
      `received ${received} instead of ${DEMO_BYTES} bytes with the SHA-256 ${DEMO_SHA256}. ` +
      "Try again later, or on another network.",
    { path: url.href },
  );
}
