/**
 * Downloads a file into the cache, so that what is there under its name is what the hub promised, whatever happens on the
 * way.
 *
 * @module
 */
import { quote } from "../../base/describe.ts";
import { folderOf, namesIn } from "../../base/files.ts";
import { isUnlinked } from "../../base/open_unlinked.ts";
import { bodyPieces } from "./body_pieces.ts";
import { hasContent } from "./content.ts";
import type { RepoCache } from "./hub_cache.ts";
import type { HubClient, RemoteFile } from "./hub_client.ts";
import { PartialFile } from "./partial_file.ts";
import { TransientError } from "./retries.ts";
import { StallTimer } from "./stall_timer.ts";

/** How far a download is. */
export interface DownloadProgress {
  /** The file, by its path in the repository. */
  readonly file: string;
  /** Bytes of it that are on disk, from earlier attempts as well. */
  readonly receivedBytes: number;
  /** Bytes that there will be. */
  readonly totalBytes: number;
}

/** Options of a download. */
export interface DownloadOptions {
  /** Called before the first byte is requested, and as bytes come in. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Stops the download with an `AbortError`; what has come is kept, and taken up again the next time. */
  readonly signal?: AbortSignal;
}

/** After this much, earlier failures are forgotten: a large file over a bad line gets as many retries as it earns. */
const REWARDED_BYTES = 16 * 1024 * 1024;

/**
 * Puts a file into the cache as a blob, unless it is there. One that is damaged is replaced. If another process is at it,
 * waits for that one instead.
 *
 * @throws {HubError} if the hub fails several times, or keeps sending other bytes than it promised
 * @throws {StorageError} if the system refuses to write
 */
export async function downloadBlob(
  client: HubClient,
  cache: RepoCache,
  remote: RemoteFile,
  options: DownloadOptions = {},
): Promise<void> {
  const { signal } = options;
  const blobPath = cache.blobPath(remote.etag);
  if (await hasContent(blobPath, remote, signal)) return;
  using _lock = await cache.lockBlob(remote.etag, signal);
  if (await hasContent(blobPath, remote, signal)) return;
  const path = await adoptPartialFile(blobPath);
  using partial = await PartialFile.open(path, remote, signal);
  try {
    await receiveAll(client, remote, partial, options);
    signal?.throwIfAborted();
    await partial.renameTo(blobPath);
  } catch (error) {
    if (partial.size === 0) await partial.remove();
    throw error;
  }
}

/**
 * A name for the unfinished file. One that an earlier attempt has left is renamed to it: if the lock does not work here (it
 * does not on some network file systems), one of two processes gets it and the other begins its own.
 */
async function adoptPartialFile(blobPath: string): Promise<string> {
  const path = `${blobPath}.${crypto.randomUUID().slice(0, 8)}.incomplete`;
  const folder = folderOf(blobPath);
  const left = namesIn(folder).map((name) => `${folder}/${name}`).filter((name) =>
    name.startsWith(`${blobPath}.`) && name.endsWith(".incomplete")
  );
  for (const name of left) {
    try {
      await Deno.rename(name, path);
      // What has another name too is somebody else's: a link that was put there, for whatever it leads to to be overwritten.
      if (!isUnlinked(path)) await Deno.remove(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw error;
      // Someone else was faster.
    }
  }
  return path;
}

/** Receives what is missing, in as many requests as that takes. */
async function receiveAll(
  client: HubClient,
  remote: RemoteFile,
  partial: PartialFile,
  options: DownloadOptions,
): Promise<void> {
  const retries = client.countRetries(options.signal);
  let rewardedAt = partial.size;
  const { file, size } = remote;
  options.onProgress?.({ file, receivedBytes: partial.size, totalBytes: size });
  while (true) {
    try {
      if (partial.size < remote.size) await receive(client, remote, partial, options);
      if (partial.isRight()) return;
      await partial.clear();
      throw new TransientError(
        `Cannot download ${
          quote(remote.file)
        }: its bytes are not those the hub promised: received ` +
          `${remote.size} bytes with another hash. Try again later.`,
      );
    } catch (error) {
      if (partial.size >= rewardedAt + REWARDED_BYTES) {
        rewardedAt = partial.size;
        retries.reset();
      }
      await retries.waitAfter(error);
    }
  }
}

/** Makes one request, and writes what comes. */
async function receive(
  client: HubClient,
  remote: RemoteFile,
  partial: PartialFile,
  { onProgress, signal }: DownloadOptions,
): Promise<void> {
  const { file, size } = remote;
  const { settings } = client;
  using timer = new StallTimer(new URL(settings.endpoint), settings.downloadTimeoutMs, signal);
  const response = await client.open(remote, partial.size, timer);
  const start = startOf(response, remote);
  // Whoever knows no ranges sends everything: then it begins anew, with this response.
  if (start !== partial.size) await partial.clear();
  if (start !== partial.size) {
    await response.body?.cancel();
    throw new TransientError(
      `Cannot download ${
        quote(file)
      }: the hub did not send the part that was asked for: received ` +
        `${quote(response.headers.get("content-range") ?? "no Content-Range")}. Try again later.`,
    );
  }
  for await (const bytes of bodyPieces(response, timer)) {
    if (partial.size + bytes.length > size) {
      await partial.clear();
      throw new TransientError(
        `Cannot download ${quote(file)}: it is longer than the hub promised: received more than ` +
          `${size} bytes. Try again later.`,
      );
    }
    await partial.append(bytes);
    onProgress?.({ file, receivedBytes: partial.size, totalBytes: size });
  }
  if (partial.size < size) {
    throw new TransientError(
      `Cannot download ${quote(file)}: the connection ended early: received ${partial.size} of ` +
        `${size} bytes. Try again later: what is there is kept.`,
    );
  }
}

/** The first byte that a response has; nothing if it has another part of another file. */
function startOf({ status, headers }: Response, { size }: RemoteFile): number | undefined {
  if (status === 200) return 0;
  const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get("content-range") ?? "") ??
    [];
  const isSameFile = total === "*" || Number(total) === size;
  return status === 206 && start !== undefined && isSameFile ? Number(start) : undefined;
}
