/**
 * Offering to compute on a GPU that is there, where something has to be fetched for that.
 *
 * @module
 */
import { cacheFolder } from "../base/cache_folder.ts";
import { NativeLibraryError, StorageError } from "../base/errors.ts";
import { exists, folderOf } from "../base/files.ts";
import { type GpuOffer, gpuOffer, openLibrary } from "../native_library/native_library.ts";
import { showNotice } from "./native_library.ts";
import type { Io } from "./terminal/io.ts";
import { bytesText } from "./terminal/units.ts";

/**
 * Asks, once, whether to fetch what computes on a GPU of this machine; fetches it if the answer is yes. Nothing is asked or
 * fetched where nobody is at a terminal, where a library was built here, or where the GPU's driver is not installed.
 *
 * @param offered what is offered; by default what there is for a GPU of this machine
 */
export async function offerGpu(
  io: Pick<Io, "stdin" | "stderr" | "signal">,
  offered: () => GpuOffer | undefined = gpuOffer,
): Promise<void> {
  const { stdin, stderr, signal } = io;
  if (!stdin.isTerminal || !stderr.isTerminal) return;
  // Before the library is opened: of a release it is another one, which takes no modules.
  const offer = wasDeclined() ? undefined : offered();
  if (offer === undefined) return;
  const { kind, downloadBytes } = offer;
  await stderr.write(
    `This machine seems to have a GPU. Fetch what computes on it (${kind}, ${
      bytesText(downloadBytes)
    }, npm)? [y/N] `,
  );
  const isYes = /^\s*y(es)?\s*$/i.test(await stdin.readLine(signal));
  if (!isYes) {
    noteDeclined();
    await stderr.write(`Not asked again: --device ${kind} fetches it.\n`);
    return;
  }
  try {
    await openLibrary({
      device: kind,
      signal,
      onProgress: (progress) => showNotice(stderr, progress),
    });
  } catch (error) {
    if (!(error instanceof NativeLibraryError || error instanceof StorageError)) throw error;
    await showNotice(stderr, { text: `${error.message} Going on without it.` });
  }
}

/** Where it is noted that somebody said no; undefined without a cache. */
function notePath(): string | undefined {
  const folder = cacheFolder("libraries");
  return folder && `${folder}/no-gpu`;
}

/** Where no answer can be kept, nothing is asked: it would be asked at every start. */
function wasDeclined(): boolean {
  const path = notePath();
  return path === undefined || exists(path);
}

function noteDeclined(): void {
  const path = notePath()!;
  try {
    Deno.mkdirSync(folderOf(path), { recursive: true, mode: 0o700 });
    Deno.writeTextFileSync(path, "A GPU was offered, and declined.\n");
  } catch {
    // Then it is asked again.
  }
}
