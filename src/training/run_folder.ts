/**
 * The folder of a training run.
 *
 * @module
 */
import { CreatedFolder } from "../base/created_folder.ts";
import { quotePath } from "../base/describe.ts";
import { StorageError } from "../base/errors.ts";
import { tryFileLock } from "../base/file_lock.ts";
import { exists } from "../base/files.ts";
import { removeIfAny } from "../base/remove.ts";
import { orStorageError } from "../base/storage_error.ts";

/** How to open a folder. */
export interface RunFolderOptions {
  /** Whether to go on with the run in it, if there is one. Default: false. */
  readonly resume?: boolean;
}

/** A folder into which one process trains. */
export class RunFolder implements AsyncDisposable {
  /** Its path. */
  readonly path: string;
  readonly #lock: Disposable;
  readonly #created: Disposable;

  private constructor(path: string, lock: Disposable, created: Disposable) {
    this.path = path;
    this.#lock = lock;
    this.#created = created;
  }

  /**
   * Opens a folder, which is made if there is none.
   *
   * @throws {StorageError} if it cannot be written, or it holds a run that is not to be gone on with
   * @throws {Deno.errors.Busy} if another process trains into it
   */
  static async open(path: string, { resume = false }: RunFolderOptions = {}): Promise<RunFolder> {
    const created = await CreatedFolder.at(path);
    const lock = await orStorageError(path, () => tryFileLock(`${path}/run.lock`));
    if (lock === undefined) {
      created[Symbol.dispose]();
      throw new Deno.errors.Busy(
        `Cannot train into ${
          quotePath(path)
        }: another process does: received a lock. Choose another folder.`,
      );
    }
    const folder = new RunFolder(path, lock, created);
    if (resume || !folder.hasState) return folder;
    await folder[Symbol.asyncDispose]();
    throw new StorageError(
      `Cannot train into ${
        quotePath(path)
      }: there is a training run in it: received state.safetensors. ` +
        "Go on with it (--resume), or choose another folder.",
    );
  }

  /** Where the state is that training goes on from. */
  get statePath(): string {
    return `${this.path}/state.safetensors`;
  }

  /** Whether there is one. */
  get hasState(): boolean {
    return exists(this.statePath);
  }

  /** Lets others train into it. A folder that was made and is empty still is removed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#lock[Symbol.dispose]();
    // Where it cannot be removed, it stays, and locks nothing.
    await removeIfAny(`${this.path}/run.lock`).catch(() => {});
    this.#created[Symbol.dispose]();
  }
}
