/**
 * The folder that something is saved into.
 *
 * @module
 */
import { quotePath } from "./describe.ts";
import { StorageError } from "./errors.ts";
import { exists, folderOf, isFolder } from "./files.ts";

/** A folder that was there, or is made with those that it is in; what was made is removed again if it stays empty. */
export class CreatedFolder implements Disposable {
  #made: readonly string[];

  private constructor(made: readonly string[]) {
    this.#made = made;
  }

  /**
   * The folder at a path, which is made if there is none.
   *
   * @throws {Deno.errors.AlreadyExists} if there is a file of that name
   * @throws {StorageError} if the system refuses
   */
  static async at(folder: string): Promise<CreatedFolder> {
    const missing: string[] = [];
    let path = folder.replace(/(?<=.)[/\\]+$/, "");
    while (path !== "." && !exists(path)) {
      missing.push(path);
      path = folderOf(path);
    }
    if (missing.length === 0 && !isFolder(folder)) {
      throw new Deno.errors.AlreadyExists(
        `Cannot create the folder ${
          quotePath(folder)
        }: there is something else of that name: received a file. Choose another name.`,
      );
    }
    try {
      await Deno.mkdir(folder, { recursive: true });
    } catch (error) {
      if (!(error instanceof Error) || error instanceof Deno.errors.NotCapable) throw error;
      throw new StorageError(
        `Cannot create the folder ${quotePath(folder)}: the system refused: received ` +
          `${error.message}. Choose another place.`,
        { cause: error },
      );
    }
    return new CreatedFolder(missing);
  }

  /** Something is in it now. */
  keep(): void {
    this.#made = [];
  }

  /** Removes what was made, if nothing is to stay. */
  [Symbol.dispose](): void {
    try {
      for (const path of this.#made) Deno.removeSync(path);
    } catch {
      // It is not empty: some files are complete, and stay.
    }
  }
}
