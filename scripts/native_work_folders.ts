/**
 * The folders in which CMake works. One that a finished build left is used again, so that a change of one file compiles
 * that file alone; one that an interrupted build left is not, because half-written object files may look finished.
 * All of this happens under the build's lock.
 *
 * @module
 */

const PREFIX = "work-";
/** In a work folder while no build is using it: the environment it was made for. */
const ENVIRONMENT_FILE = "environment.txt";

/**
 * What a work folder is made for: all that CMake does not notice when it changes. It keeps the paths of its folders, so that
 * one in a clone that was moved is of no use.
 *
 * @param inputs of the build
 * @param folders of the sources and of the build
 */
export function buildEnvironment(
  inputs: Readonly<Record<string, string>>,
  folders: readonly string[],
): string {
  const { "the files in native/": _noticedByCMake, ...rest } = inputs;
  return JSON.stringify({ ...rest, folders });
}

/**
 * A folder to build in.
 *
 * @param environment of {@linkcode buildEnvironment}; a folder made for another is not used again
 */
export function takeWorkFolder(buildFolder: string, environment: string): string {
  for (const folder of workFolders(buildFolder)) {
    if (readEnvironment(folder) === environment) {
      Deno.removeSync(`${folder}/${ENVIRONMENT_FILE}`);
      return folder;
    }
  }
  const folder = `${buildFolder}/${PREFIX}${crypto.randomUUID().slice(0, 8)}`;
  Deno.mkdirSync(folder);
  return folder;
}

/** Keeps `folder` for the next build, and removes all others. */
export function keepWorkFolder(buildFolder: string, folder: string, environment: string): void {
  Deno.writeTextFileSync(`${folder}/${ENVIRONMENT_FILE}`, environment);
  for (const other of workFolders(buildFolder)) {
    if (other !== folder) removeWorkFolder(other);
  }
}

/** Removes `folder`, or as much of it as can be: compilers of a build that was just ended may still write to it. */
export function removeWorkFolder(folder: string): void {
  try {
    Deno.removeSync(folder, { recursive: true });
  } catch {
    return;
  }
}

function workFolders(buildFolder: string): string[] {
  return Array.from(Deno.readDirSync(buildFolder))
    .filter((entry) => entry.isDirectory && entry.name.startsWith(PREFIX))
    .map((entry) => `${buildFolder}/${entry.name}`);
}

function readEnvironment(folder: string): string | undefined {
  try {
    return Deno.readTextFileSync(`${folder}/${ENVIRONMENT_FILE}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
