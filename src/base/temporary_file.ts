/**
 * Files that are not complete yet, under a name that tells.
 *
 * @module
 */
import { folderOf } from "./files.ts";
import { isFileAt } from "./open_unlinked.ts";

const NAME = /\.[0-9a-f]{8}\.gpt2\.incomplete$/;

const LAST_PART = Deno.build.os === "windows" ? /[^/\\]*$/ : /[^/]*$/;

/** The longest name that a file can have, on all systems. */
const MAX_NAME_BYTES = 255;

/**
 * A file beside its target, under a name that nobody else uses. It takes the target's place when it is renamed, and is
 * removed if that has not happened when it is disposed. Until then it is locked: what a process that was killed has left
 * is known by its lock, which is free, and removed by the next that writes into the folder. (Where locks are not seen by
 * other machines, as on some network file systems, one may lose its file to another, and ends with an error.)
 */
export class TemporaryFile implements Disposable {
  /** To write to. */
  readonly file: Deno.FsFile;
  readonly #target: string;
  readonly #path: string;
  #isRenamed = false;

  private constructor(target: string, path: string, file: Deno.FsFile) {
    this.#target = target;
    this.#path = path;
    this.file = file;
  }

  /** Makes one, for a file at `target`; `mode` is who may read and write it. */
  static create(target: string, options: { mode?: number } = {}): TemporaryFile {
    removeAbandoned(folderOf(target));
    while (true) {
      const ending = `.${crypto.randomUUID().slice(0, 8)}.gpt2.incomplete`;
      const path = shortened(target, MAX_NAME_BYTES - ending.length) + ending;
      const file = Deno.openSync(path, { ...options, write: true, createNew: true });
      // Before it was locked, it may have been taken for abandoned.
      if (tryLock(file) !== false && isFileAt(file, path)) {
        return new TemporaryFile(target, path, file);
      }
      file.close();
    }
  }

  /** Lets it take the place of its target. */
  rename(): void {
    Deno.renameSync(this.#path, this.#target);
    this.#isRenamed = true;
  }

  /** Closes it, and removes it unless it was renamed. */
  [Symbol.dispose](): void {
    this.file.close();
    // If it cannot be removed either, the error that led here says more than a second one.
    if (!this.#isRenamed) attempt(() => Deno.removeSync(this.#path));
  }
}

/**
 * Writes a small file at once, as `writeFileAtomically()` does: whoever looks finds the old file or the whole new one.
 *
 * @param options `mode` is who may read and write it
 * @throws what the system says, such as `Deno.errors.PermissionDenied`
 */
export function writeFileAtomicallySync(
  path: string,
  bytes: Uint8Array,
  options: { mode?: number } = {},
): void {
  using temporary = TemporaryFile.create(path, options);
  for (let start = 0; start < bytes.length;) {
    start += temporary.file.writeSync(bytes.subarray(start));
  }
  temporary.file.syncSync();
  temporary.rename();
}

/** A path whose last part has at most so many bytes. One that is too long for the system stays so: that is for it to say. */
function shortened(path: string, maxNameBytes: number): string {
  const [name] = path.match(LAST_PART)!;
  const bytes = new TextEncoder().encode(name);
  if (bytes.length <= maxNameBytes || bytes.length > MAX_NAME_BYTES) return path;
  const { read } = new TextEncoder().encodeInto(name, new Uint8Array(maxNameBytes));
  return path.slice(0, path.length - name.length + read);
}

/** Removes what processes that were killed have left in a folder. */
function removeAbandoned(folder: string): void {
  // Asking for the permission would have Deno ask the user, for something that need not be.
  const { state } = Deno.permissions.querySync({ name: "read", path: folder });
  if (state !== "granted") return;
  attempt(() => {
    for (const { name, isFile } of Deno.readDirSync(folder)) {
      if (isFile && NAME.test(name)) attempt(() => removeIfAbandoned(`${folder}/${name}`));
    }
  });
}

function removeIfAbandoned(path: string): void {
  using file = Deno.openSync(path, { write: true });
  if (tryLock(file) === true && isFileAt(file, path)) Deno.removeSync(path);
}

/** Nothing where the file system has no locks. */
function tryLock(file: Deno.FsFile): boolean | undefined {
  try {
    return file.tryLockSync(true);
  } catch {
    return undefined;
  }
}

/** Does what is good to do but not needed: another process may be doing it, or the system refuse. */
function attempt(work: () => void): void {
  try {
    work();
  } catch {
    return;
  }
}
