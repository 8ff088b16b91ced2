/**
 * Folders in which no other user of the machine can put anything: a native library that is opened from one is the one
 * that was put there.
 *
 * @module
 */

const GROUP_AND_OTHERS = 0o077;
const GROUP_WRITES = 0o020;
const OTHERS_WRITE = 0o002;
/** In a folder with this bit, such as /tmp, nobody can rename or remove what belongs to another. */
const STICKY = 0o1000;
const ROOT = 0;

/**
 * Makes a folder, and those above it, so that only this user can write to it and read from it. One that is there already
 * is closed to the others. On Windows, where folders have no mode, what it inherits from the user's own folder decides.
 *
 * @throws {Error} saying why it cannot be private: a symbolic link, another user's, or below a folder that others may change
 */
export function makePrivateFolder(path: string): void {
  Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
  const info = Deno.lstatSync(path);
  if (!info.isDirectory) throw new Error(`${path} is a symbolic link`);
  if (Deno.uid() === null) return;
  if (!isOwn(info)) throw new Error(`${path} belongs to another user`);
  if ((info.mode! & GROUP_AND_OTHERS) !== 0) Deno.chmodSync(path, 0o700);
  refuseOpenAncestors(Deno.realPathSync(path));
}

/** Whether a file or folder belongs to this user; always so on Windows, which does not tell. */
export function isOwn(info: Deno.FileInfo): boolean {
  const user = Deno.uid();
  return user === null || info.uid === user;
}

/** Whoever may rename a folder can put another one in its place. */
function refuseOpenAncestors(path: string): void {
  for (let end = path.lastIndexOf("/"); end >= 0; end = path.lastIndexOf("/", end - 1)) {
    const ancestor = path.slice(0, end) || "/";
    const info = Deno.lstatSync(ancestor);
    if (!isOwn(info) && info.uid !== ROOT) throw new Error(`${ancestor} belongs to another user`);
    const mode = info.mode!;
    // Many systems give every user a group of their own, and let it write.
    const isOpen = (mode & OTHERS_WRITE) !== 0 ||
      (mode & GROUP_WRITES) !== 0 && info.gid !== Deno.gid();
    if (isOpen && (mode & STICKY) === 0) throw new Error(`others may write to ${ancestor}`);
    if (end === 0) return;
  }
}
