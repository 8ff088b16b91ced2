/**
 * Files and folders that no other user of the machine can change: a native library that is opened from one is the one that
 * was put there.
 *
 * On Windows, where files have no mode, what a folder inherits from the user's own folder decides, and nothing is looked at.
 *
 * @module
 */
import { infoIfAny } from "../base/files.ts";
import { type ProcessUser, processUser } from "../ffi/process_user.ts";

const GROUP_AND_OTHERS = 0o077;
const GROUP_WRITES = 0o020;
const OTHERS_WRITE = 0o002;
/** In a folder with this bit, such as /tmp, nobody can rename or remove what belongs to another. */
const STICKY = 0o1000;
const ROOT = 0;

/** Thrown for what another user could have put there, or could change. */
export class UntrustedPathError extends Error {
  override name = "UntrustedPathError";
}

/**
 * Refuses a file or folder that another user could have put there, or could change: one that belongs to neither this user
 * nor root, that others may write to, or that lies below a folder of that kind. Who could change the modules that are
 * running is not held off: in a container, root often runs a clone of somebody else.
 *
 * @returns the path without links, which is the one to be opened
 * @throws {UntrustedPathError} that says which file or folder it is
 * @throws {Deno.errors.NotFound} if there is none
 */
export function requireTrusted(path: string): string {
  const user = processUser();
  if (user === undefined) {
    Deno.statSync(path);
    return path;
  }
  const real = Deno.realPathSync(path);
  refuseOpen(real, user);
  refuseOpenFolders(real, user);
  return real;
}

/**
 * Makes a folder, and those above it, so that only this user can write to it and read from it. One that is there already
 * is closed to the others.
 *
 * @throws {UntrustedPathError} saying why it cannot be private: a symbolic link, another user's, or below a folder that others may change
 */
export function makePrivateFolder(path: string): void {
  Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
  const user = processUser();
  const info = Deno.lstatSync(path);
  if (!info.isDirectory) throw new UntrustedPathError(`${path} is a symbolic link`);
  if (user === undefined) return;
  if (!isOwn(info)) throw new UntrustedPathError(`${path} belongs to another user`);
  if ((info.mode! & GROUP_AND_OTHERS) !== 0) Deno.chmodSync(path, 0o700);
  refuseOpenFolders(Deno.realPathSync(path), user);
}

/** Whether a file or folder belongs to this user; always so on Windows, which does not tell. */
export function isOwn(info: Deno.FileInfo): boolean {
  const user = processUser();
  return user === undefined || info.uid === user.uid;
}

/** Whoever may rename a folder can put another one in its place. */
function refuseOpenFolders(path: string, user: ProcessUser): void {
  for (let end = path.lastIndexOf("/"); end >= 0; end = path.lastIndexOf("/", end - 1)) {
    refuseOpen(path.slice(0, end) || "/", user);
    if (end === 0) return;
  }
}

function refuseOpen(path: string, user: ProcessUser): void {
  const info = readInfo(path);
  if (info === undefined) return;
  const modules = modulesInfo();
  const isTrusted = info.uid !== null && (
    [user.uid, ROOT, modules?.uid].includes(info.uid) ||
    // In a sandbox, root may be among the hidden users: nobody there can have moved what is above.
    info.isDirectory && info.uid === user.hiddenUid
  );
  if (!isTrusted) {
    throw new UntrustedPathError(`${path} belongs to another user (number ${info.uid})`);
  }
  const mode = info.mode!;
  if (info.isDirectory && (mode & STICKY) !== 0) return;
  // Many systems give every user a group of their own, and let it write.
  const isOpenToGroup = (mode & GROUP_WRITES) !== 0 && info.gid !== user.gid &&
    !(info.gid === modules?.gid && isWritable(modules, GROUP_WRITES));
  const isOpenToOthers = (mode & OTHERS_WRITE) !== 0 && !isWritable(modules, OTHERS_WRITE);
  if (isOpenToGroup || isOpenToOthers) {
    throw new UntrustedPathError(`others may write to ${path} (\`chmod go-w\` helps)`);
  }
}

/** Nothing for a folder that Deno may not look at: that was decided by the user. */
function readInfo(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

function isWritable(info: Deno.FileInfo | undefined, bits: number): boolean {
  return info !== undefined && (info.mode! & bits) !== 0;
}

let modules: { info: Deno.FileInfo | undefined } | undefined;

/** Of the modules that are running, where they are files: some file systems say of everything that all may write to it. */
function modulesInfo(): Deno.FileInfo | undefined {
  const path = Deno.build.standalone ? undefined : import.meta.filename;
  modules ??= { info: path === undefined ? undefined : infoIfAny(path) };
  return modules.info;
}
