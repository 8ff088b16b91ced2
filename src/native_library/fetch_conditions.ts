/**
 * What has to be so before anything is fetched.
 *
 * @module
 */
import { quotePath } from "../base/describe.ts";
import { offlineVariable } from "../base/environment.ts";
import { StorageError } from "../base/errors.ts";
import { otherPlaceFor } from "../base/place_advice.ts";
import { makePrivateFolder, UntrustedPathError } from "./trusted_path.ts";

/**
 * Requires that something can be downloaded.
 *
 * @throws {Error} if the environment forbids it, or there is no Deno to do it
 */
export function requireOnline(): void {
  if (Deno.build.standalone) throw new Error("a standalone program cannot get another library");
  const forbidden = offlineVariable();
  if (forbidden !== undefined) {
    throw new Error(`nothing may be downloaded: ${forbidden} is ${Deno.env.get(forbidden)}`);
  }
}

/**
 * Makes a folder that only this user can write to: where others could put something, it would be refused after the download.
 *
 * @throws {StorageError} if others can
 */
export function requirePrivateFolder(folder: string): void {
  try {
    makePrivateFolder(folder);
  } catch (error) {
    if (!(error instanceof UntrustedPathError)) throw error;
    throw new StorageError(
      `Cannot keep the native library in ${
        quotePath(folder)
      }: another user could change it there: received ` +
        `a path of which ${error.message}. Change that, or ${otherPlaceFor(folder)}.`,
    );
  }
}
