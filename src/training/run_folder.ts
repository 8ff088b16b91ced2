/**
 * The folder of a training run.
 *
 * @module
 */
import { CreatedFolder } from "../base/created_folder.ts";
import { quotePath } from "../base/describe.ts";
import { tryFileLock } from "../base/file_lock.ts";
import { exists } from "../base/files.ts";
import { removeFolder, removeIfAny } from "../base/remove.ts";
import { orStorageError } from "../base/storage_error.ts";

/** How to open a folder. */
export interface RunFolderOptions {
  /** Whether to go on with the run in it, if there is one. Default: false. */
  readonly resume?: boolean;
  /** Whether to remove a run that is in it, all of it. Default: false. */
  readonly overwrite?: boolean;
}

/** What a run writes into its folder. Without the first there is nothing to go on from. */
const RUN_FILES = [
  "state.safetensors",
  "best",
  "last",
  "model.gguf",
  "adapter.gguf",
  "log.jsonl",
  "report.html",
  "plan.json",
  "data",
  "tokenizer",
];
/** Those of them that took time. */
const RESULTS = RUN_FILES.slice(0, 3);

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
   * @throws {StorageError} if it cannot be written
   * @throws {Deno.errors.AlreadyExists} if there is a run in it that is neither to be gone on with nor to be removed
   * @throws {Deno.errors.Busy} if another process trains into it
   */
  static async open(
    path: string,
    { resume = false, overwrite = false }: RunFolderOptions = {},
  ): Promise<RunFolder> {
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
    const found = resume ? undefined : RESULTS.find((name) => exists(`${path}/${name}`));
    if (found === undefined) return folder;
    try {
      if (!overwrite) {
        throw new Deno.errors.AlreadyExists(
          `Cannot train into ${
            quotePath(path)
          }: there is a training run in it: received ${found}. ` +
            "Go on with it (--resume), replace it (--overwrite), or choose another folder.",
        );
      }
      for (const name of RUN_FILES) await removeFolder(`${path}/${name}`);
    } catch (error) {
      await folder[Symbol.asyncDispose]();
      throw error;
    }
    return folder;
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
