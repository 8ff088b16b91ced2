/**
 * Folders of a cache, which nobody has put somewhere else.
 *
 * @module
 */
import { quotePath } from "./describe.ts";
import { StorageError } from "./errors.ts";
import { otherPlaceFor } from "./place_advice.ts";
import { orStorageError } from "./storage_error.ts";

/**
 * Makes `root`, which may be a link, and a folder below it, which may not lead out of it: a link that somebody has put
 * into a cache could lead to any folder that this user may write.
 *
 * @param folder a path that begins with `root`
 * @throws {StorageError} if the system refuses, or a link leads out
 */
export async function makeFolderInside(root: string, folder: string): Promise<void> {
  if (await orStorageError(folder, () => isMadeInside(root, folder))) return;
  throw new StorageError(
    `Cannot write into ${quotePath(folder)}: a link in it leads out of the cache: received ` +
      `${quotePath(root)} as the cache. Remove the link, or ${otherPlaceFor(folder)}.`,
  );
}

async function isMadeInside(root: string, folder: string): Promise<boolean> {
  await Deno.mkdir(root, { recursive: true });
  const realRoot = await Deno.realPath(root);
  const separator = realRoot.includes("\\") ? "\\" : "/";
  let path = root;
  for (const part of folder.slice(root.length + 1).split("/")) {
    path += `/${part}`;
    await Deno.mkdir(path).catch(ignoreExisting);
    const real = await Deno.realPath(path);
    if (!real.startsWith(realRoot + separator)) return false;
  }
  return true;
}

function ignoreExisting(error: unknown): void {
  if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
}
