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
  /** Whether to replace a run that is in it, all of it, as soon as another one has begun. Default: false. */
  readonly overwrite?: boolean;
}

/** What a run writes into its folder. With the first it has begun; without the second there is nothing to go on from. */
const RUN_FILES = [
  "log.jsonl",
  "state.safetensors",
  "best",
  "last",
  "model.gguf",
  "adapter.gguf",
  "report.html",
  "plan.json",
  "data",
  "tokenizer",
];
/** Those of them that took time. */
const RESULTS = RUN_FILES.slice(1, 4);
/** Where a run is that is to be replaced, until the other one has begun. */
const REPLACED = "replaced";

/** A folder into which one process trains. */
export class RunFolder implements AsyncDisposable {
  /** Its path. */
  readonly path: string;
  readonly #lock: Disposable;
  readonly #created: Disposable;
  /** What of a run was in it already; nothing once another one has begun. */
  #found: readonly string[] | undefined;

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
    try {
      await folder.#prepare(resume, overwrite);
      return folder;
    } catch (error) {
      await folder.#unlock();
      throw error;
    }
  }

  async #prepare(resume: boolean, overwrite: boolean): Promise<void> {
    // A process was killed before the run that it was to replace was removed.
    if (exists(this.#of(RUN_FILES[0]))) await removeFolder(this.#of(REPLACED));
    else await this.#restore();
    const found = RUN_FILES.filter((name) => exists(this.#of(name)));
    const result = resume ? undefined : RESULTS.find((name) => found.includes(name));
    if (result !== undefined && !overwrite) {
      throw new Deno.errors.AlreadyExists(
        `Cannot train into ${
          quotePath(this.path)
        }: there is a training run in it: received ${result}. ` +
          "Go on with it (--resume), replace it (--overwrite), or choose another folder.",
      );
    }
    this.#found = result === undefined ? found : [];
    if (result !== undefined) await this.#putAside(found);
  }

  /** What says that a run has begun goes first, and comes back last: whenever a process is killed, the former run is whole again. */
  async #putAside(names: readonly string[]): Promise<void> {
    await orStorageError(this.#of(REPLACED), async () => {
      await Deno.mkdir(this.#of(REPLACED));
      for (const name of names) await Deno.rename(this.#of(name), this.#of(`${REPLACED}/${name}`));
    });
  }

  async #restore(): Promise<void> {
    for (const name of RUN_FILES.toReversed()) {
      const former = this.#of(`${REPLACED}/${name}`);
      if (!exists(former)) continue;
      await removeFolder(this.#of(name));
      await orStorageError(this.#of(name), () => Deno.rename(former, this.#of(name)));
    }
    await removeFolder(this.#of(REPLACED));
  }

  #of(name: string): string {
    return `${this.path}/${name}`;
  }

  /**
   * Says that a run has begun, which then stays whatever becomes of it; the one that it replaces is removed.
   *
   * @throws {StorageError} if that cannot be removed
   */
  async begin(): Promise<void> {
    this.#found = undefined;
    await removeFolder(this.#of(REPLACED));
  }

  /** Where the state is that training goes on from. */
  get statePath(): string {
    return this.#of("state.safetensors");
  }

  /** Whether there is one. */
  get hasState(): boolean {
    return exists(this.statePath);
  }

  /** Lets others train into it. Where no run has begun, it is left as it was found; if it was made for that, it is removed. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      const found = this.#found;
      if (found === undefined) return;
      for (const name of RUN_FILES) if (!found.includes(name)) await removeFolder(this.#of(name));
      await this.#restore();
    } finally {
      await this.#unlock();
    }
  }

  async #unlock(): Promise<void> {
    this.#lock[Symbol.dispose]();
    // Where it cannot be removed, it stays, and locks nothing.
    await removeIfAny(`${this.path}/run.lock`).catch(() => {});
    this.#created[Symbol.dispose]();
  }
}
