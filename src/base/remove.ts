/**
 * Removes what may not be there.
 *
 * @module
 */
import { isMissing } from "./read_error.ts";
import { storageError } from "./storage_error.ts";

/** Removes a folder with all that is in it. Does nothing if there is none; a link is removed, not what it leads to. */
export async function removeFolder(folder: string): Promise<void> {
  try {
    await Deno.remove(folder, { recursive: true });
  } catch (error) {
    if (!isMissing(error)) throw storageError(folder, error);
  }
}

/** Removes a file, if it is there. */
export async function removeIfAny(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!isMissing(error)) throw storageError(path, error);
  }
}
