/**
 * Folders to prepare something in, beside the place that it is for.
 *
 * @module
 */
import { type FileLockOptions, takeFileLock } from "../base/file_lock.ts";
import { namesIn } from "../base/files.ts";
import { removeFolder } from "../base/remove.ts";

const INCOMPLETE = ".incomplete";

/**
 * Does `work` in a new folder inside `parent`, while no other process does the same there; the folder is removed afterwards.
 * What another process made while this one waited is for `work` to look for.
 *
 * @param options how to wait for another process
 */
export async function withWorkFolder<T>(
  parent: string,
  work: (folder: string) => Promise<T>,
  options: FileLockOptions = {},
): Promise<T> {
  using _lock = await takeFileLock(`${parent}/lock`, options);
  // Whoever left one of these was killed: the lock would not be free otherwise.
  for (const name of namesIn(parent)) {
    if (name.endsWith(INCOMPLETE)) await removeFolder(`${parent}/${name}`);
  }
  const folder = `${parent}/${crypto.randomUUID()}${INCOMPLETE}`;
  await Deno.mkdir(folder);
  try {
    return await work(folder);
  } finally {
    await removeFolder(folder);
  }
}
