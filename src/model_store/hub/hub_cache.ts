/**
 * The cache of Hugging Face's libraries on this machine, shared with Python:
 *
 *     models--openai-community--gpt2/refs/main             the commit that a branch or tag was at
 *     models--openai-community--gpt2/blobs/<etag>          files, by what is in them
 *     models--openai-community--gpt2/snapshots/<commit>/   the files of a commit: links to blobs
 *     .locks/models--openai-community--gpt2/<etag>.lock    held while a blob is downloaded
 *
 * @module
 */
import { StorageError } from "../../base/errors.ts";
import { writeFileAtomically } from "../../base/atomic_file.ts";
import { quotePath } from "../../base/describe.ts";
import { takeFileLock } from "../../base/file_lock.ts";
import { folderOf, isFile, namesIn, readTextIfAny, removeFolder } from "../../base/files.ts";
import { orStorageError, storageError } from "../../base/storage_error.ts";
import { isCommit } from "./model_names.ts";

const REPO_FOLDER = /^models--([^/]+)--([^/]+)$/;

/** The part of the cache that belongs to one repository. Nothing on disk changes before something is written. */
export class RepoCache {
  /** The folder of all repositories. */
  readonly root: string;
  /** The folder of this one. */
  readonly folder: string;
  readonly #locks: string;

  /** @param repo `owner/name` */
  constructor(root: string, repo: string) {
    const name = `models--${repo.replace("/", "--")}`;
    this.root = root;
    this.folder = `${root}/${name}`;
    this.#locks = `${root}/.locks/${name}`;
  }

  /** The commit that a revision was at when it was last asked for, if it was. */
  commitOf(revision: string): string | undefined {
    if (isCommit(revision)) return revision;
    const commit = readTextIfAny(`${this.folder}/refs/${revision}`)?.trim();
    return commit !== undefined && isCommit(commit) ? commit : undefined;
  }

  /** The folder of the files of a commit, be it there or not. */
  snapshotFolder(commit: string): string {
    return `${this.folder}/snapshots/${commit}`;
  }

  /** The path of a file of a commit, if it is there: a link to nothing is not. */
  findFile(commit: string, file: string): string | undefined {
    const path = `${this.snapshotFolder(commit)}/${file}`;
    return isFile(path) ? path : undefined;
  }

  /** The path of the blob with an etag, be it there or not. */
  blobPath(etag: string): string {
    return `${this.folder}/blobs/${etag}`;
  }

  /** Whether the blob is there. */
  hasBlob(etag: string): boolean {
    return isFile(this.blobPath(etag));
  }

  /**
   * Makes the folder for blobs, and waits until no other process writes the blob with this etag.
   *
   * @returns the lock; dispose it to free it
   * @throws {StorageError} if the system refuses, or a link leads out of the cache
   */
  async lockBlob(etag: string, signal?: AbortSignal): Promise<Disposable> {
    await this.#makeFolder(`${this.folder}/blobs`);
    await this.#makeFolder(this.#locks);
    const path = `${this.#locks}/${etag}.lock`;
    return await orStorageError(path, () => takeFileLock(path, { signal }));
  }

  /**
   * Lets a file of a commit be the blob with this etag.
   *
   * @throws {StorageError} if the system refuses, or a link leads out of the cache
   */
  async linkFile(commit: string, file: string, etag: string): Promise<string> {
    const path = `${this.snapshotFolder(commit)}/${file}`;
    await this.#makeFolder(folderOf(path));
    const temporary = `${path}.${crypto.randomUUID().slice(0, 8)}.incomplete`;
    const target = "../".repeat(file.split("/").length + 1) + `blobs/${etag}`;
    try {
      await Deno.symlink(target, temporary, { type: "file" }).catch(() =>
        // Not everyone may make links: on Windows only developers, under Deno only who may read and write everything.
        Deno.copyFile(this.blobPath(etag), temporary)
      );
      await Deno.rename(temporary, path);
    } catch (error) {
      await Deno.remove(temporary).catch(() => {});
      throw storageError(path, error);
    }
    return path;
  }

  /**
   * Remembers the commit that a branch or tag is at.
   *
   * @throws {StorageError} if the system refuses, or a link leads out of the cache
   */
  async writeRef(revision: string, commit: string): Promise<void> {
    if (isCommit(revision) || this.commitOf(revision) === commit) return;
    const path = `${this.folder}/refs/${revision}`;
    await this.#makeFolder(folderOf(path));
    await writeFileAtomically(path, commit.length, [new TextEncoder().encode(commit)]);
  }

  /** Removes all of this repository, for Python as well. Does nothing if there is nothing. */
  async remove(): Promise<void> {
    await removeFolder(this.folder);
    await removeFolder(this.#locks);
  }

  /** Makes a folder, and refuses one that a link has put somewhere else: nothing is written out there. */
  async #makeFolder(folder: string): Promise<void> {
    const isInside = await orStorageError(
      folder,
      async () => {
        await Deno.mkdir(this.root, { recursive: true });
        const root = await Deno.realPath(this.root);
        const relative = folder.slice(this.root.length + 1).split("/");
        for (let depth = 1; depth <= relative.length; depth++) {
          const parent = `${this.root}/${relative.slice(0, depth).join("/")}`;
          await Deno.mkdir(parent).catch(ignoreExisting);
          const real = await Deno.realPath(parent);
          if (!real.startsWith(root + separatorOf(root))) return false;
        }
        return true;
      },
    );
    if (isInside) return;
    throw new StorageError(
      `Cannot write into ${quotePath(folder)}: a link in it leads out of the cache: received ` +
        `${
          quotePath(this.root)
        } as the cache. Remove the link, or set HF_HUB_CACHE to where it leads.`,
    );
  }
}

/** The repositories in a cache, as `owner/name`. */
export function listRepos(root: string): string[] {
  return namesIn(root).flatMap((name) => {
    const [, owner, repo] = REPO_FOLDER.exec(name) ?? [];
    return repo === undefined ? [] : [`${owner}/${repo}`];
  }).sort();
}

function separatorOf(path: string): string {
  return path.includes("\\") ? "\\" : "/";
}

function ignoreExisting(error: unknown): void {
  if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
}
