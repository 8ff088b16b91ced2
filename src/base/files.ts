/**
 * Files and folders that may not be there.
 *
 * @module
 */
import { isMissing, readError } from "./read_error.ts";

const LAST_PART = Deno.build.os === "windows" ? /[/\\]*[^/\\]*$/ : /\/*[^/]*$/;

/** The folder that a path of a file is in. `dirname()` does the same; to load it takes 6 ms, for which any start would wait. */
export function folderOf(path: string): string {
  const folder = path.replace(LAST_PART, "");
  return folder || (/^[/\\]/.test(path) ? "/" : ".");
}

/** The names of what is in a folder; none if there is no such folder. */
export function namesIn(folder: string): string[] {
  try {
    return Array.from(Deno.readDirSync(folder), ({ name }) => name);
  } catch (error) {
    if (isMissing(error)) return [];
    throw readError(folder, error);
  }
}

/** The bytes that a file, or a folder with all that is in it, takes: links are not followed. */
export function bytesOf(path: string): number {
  const info = infoIfAny(path, Deno.lstatSync);
  if (info?.isFile) return info.size;
  if (!info?.isDirectory) return 0;
  return namesIn(path).reduce((bytes, name) => bytes + bytesOf(`${path}/${name}`), 0);
}

/** The text of a small file; nothing if there is none. */
export function readTextIfAny(path: string): string | undefined {
  try {
    return isFile(path) ? Deno.readTextFileSync(path) : undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw readError(path, error);
  }
}

/** Whether there is a regular file, or a link to one. */
export function isFile(path: string): boolean {
  return infoIfAny(path)?.isFile === true;
}

/** Whether there is a folder, or a link to one. */
export function isFolder(path: string): boolean {
  return infoIfAny(path)?.isDirectory === true;
}

/** Whether there is anything, or a link to something. */
export function exists(path: string): boolean {
  return infoIfAny(path) !== undefined;
}

/** Whether a name is taken, be it by a link to nothing. */
export function isTaken(path: string): boolean {
  return infoIfAny(path, Deno.lstatSync) !== undefined;
}

/** As many links in a row as Linux follows. */
const MAX_LINKS = 40;

/**
 * Where a file is written whose name a user gave: a link goes on being one, and what it leads to is written, be it there or
 * not. Not for files in a cache, where a link could lead to any file that this user may write.
 */
export function throughLinks(path: string): string {
  for (let numLinks = 0; numLinks < MAX_LINKS; numLinks++) {
    const target = readLinkIfAny(path);
    if (target === undefined) break;
    path = isAbsolute(target) ? target : `${folderOf(path)}/${target}`;
  }
  return path;
}

/** Where a link leads; nothing if it is none. */
export function readLinkIfAny(path: string): string | undefined {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return undefined;
  }
}

function isAbsolute(path: string): boolean {
  return /^([/\\]|[A-Za-z]:)/.test(path);
}

/** What the system says about a file or folder; nothing if there is none. */
export function infoIfAny(path: string, stat = Deno.statSync): Deno.FileInfo | undefined {
  if (path.includes("\0")) return undefined; // No system lets a file have such a name.
  try {
    return stat(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw readError(path, error);
  }
}
