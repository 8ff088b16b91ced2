/**
 * What goes wrong in scripts.
 *
 * @module
 */

/** An error to be shown as its message alone, after which the program exits with `exitCode`. */
export class BuildError extends Error {
  override name = "BuildError";

  constructor(message: string, readonly exitCode: number, options?: ErrorOptions) {
    super(message, options);
  }
}

/** The exit codes in use here: what is missing or wrong on the machine, and what did not arrive. */
export const exitCodes = {
  usage: 2,
  unavailable: 69,
  internal: 70,
  storage: 74,
  environment: 78,
} as const;

/** What a build writes at most: ggml's source as it is fetched, the objects, the library. */
export const BUILD_MEGABYTES = 150;

/** Whether a line of some program says that it could not write. */
export function isAboutFullDisk(line: string): boolean {
  return /No space left on device|Disk quota exceeded|not enough space on the disk/.test(line);
}

/** The error for a disk without room. */
export function fullDisk(doing: string, folder: string): BuildError {
  return new BuildError(
    `Cannot ${doing}: there is no space left on the disk of ${folder}. A build needs about ` +
      `${BUILD_MEGABYTES} MB: make room, then run it again.`,
    exitCodes.storage,
  );
}
