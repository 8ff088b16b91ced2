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
import { writeFileAtomically } from "../../base/atomic_file.ts";
import { quotePath } from "../../base/describe.ts";
import { takeFileLock, tryFileLocks } from "../../base/file_lock.ts";
import {
  folderOf,
  isFile,
  isTaken,
  namesIn,
  readLinkIfAny,
  readTextIfAny,
} from "../../base/files.ts";
import { removeFolder, removeIfAny } from "../../base/remove.ts";
import { makeFolderInside } from "../../base/folder_inside.ts";
import { isCommit } from "./model_names.ts";

const REPO_FOLDER = /^models--([^/]+)--([^/]+)$/;

/** The part of the cache that belongs to one repository. Nothing on disk changes before something is written. */
export class RepoCache {
  /** The folder of all repositories. */
  readonly root: string;
  /** This one: `owner/name`. */
  readonly repo: string;
  /** The folder of this one. */
  readonly folder: string;
  readonly #locks: string;

  /** @param repo `owner/name` */
  constructor(root: string, repo: string) {
    const name = `models--${repo.replace("/", "--")}`;
    this.root = root;
    this.repo = repo;
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

  /**
   * Makes the folder for blobs, and waits until no other process writes the blob with this etag.
   *
   * @returns the lock; dispose it to free it
   * @throws {StorageError} if the system refuses, or a link leads out of the cache
   */
  async lockBlob(etag: string, signal?: AbortSignal): Promise<Disposable> {
    await makeFolderInside(this.root, `${this.folder}/blobs`);
    await makeFolderInside(this.root, this.#locks);
    return await takeFileLock(`${this.#locks}/${etag}.lock`, { signal });
  }

  /**
   * Lets a file of a commit be the blob with this etag.
   *
   * @throws {StorageError} if the system refuses, or a link leads out of the cache
   */
  async linkFile(commit: string, file: string, etag: string): Promise<string> {
    const path = `${this.snapshotFolder(commit)}/${file}`;
    await makeFolderInside(this.root, folderOf(path));
    const parts = [...file.split("/").map(() => ".."), "..", "blobs", etag];
    // Windows follows no link with slashes.
    const target = parts.join(Deno.build.os === "windows" ? "\\" : "/");
    if (isTaken(path)) {
      if (readLinkIfAny(path) === target) return path;
      await removeIfAny(path); // A link to nothing, or to another version.
    }
    try {
      await Deno.symlink(target, path, { type: "file" });
    } catch {
      // Another process may have been faster. And not everyone may make links: on Windows only developers, under Deno only
      // who may read and write everything.
    }
    // Wine says that it has made a link, and makes none.
    if (readLinkIfAny(path) !== target) await this.#copyBlob(etag, path);
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
    await makeFolderInside(this.root, folderOf(path));
    await writeFileAtomically(path, commit.length, [new TextEncoder().encode(commit)]);
  }

  /**
   * Keeps this repository from being removed, until the result is disposed of.
   *
   * @throws {StorageError} if the system refuses, or a link leads out of the cache
   */
  async hold(signal?: AbortSignal): Promise<Disposable> {
    await makeFolderInside(this.root, this.#locks);
    return await takeFileLock(`${this.#locks}/allformers.lock`, { isShared: true, signal });
  }

  /**
   * Removes all of this repository, for Python as well. Does nothing if there is nothing.
   *
   * @throws {Deno.errors.Busy} if another process, ours or Python's, is downloading it
   */
  async remove(): Promise<void> {
    const names = namesIn(this.#locks).filter((name) => name.endsWith(".lock"));
    using locks = tryFileLocks(names.map((name) => `${this.#locks}/${name}`));
    if (locks === undefined) throw isInUse(this.folder);
    await removeFolder(this.folder);
    await removeFolder(this.#locks);
  }

  async #copyBlob(etag: string, path: string): Promise<void> {
    const blob = await Deno.open(this.blobPath(etag));
    const { size } = await blob.stat();
    await writeFileAtomically(path, size, blob.readable);
  }
}

/** The error for what cannot be removed because another process is making it. */
export function isInUse(folder: string): Error {
  return new Deno.errors.Busy(
    `Cannot remove ${
      quotePath(folder)
    }: another process is downloading or converting it: received ` +
      "a lock. Wait until it has ended, or end it.",
  );
}

/** The repositories in a cache, as `owner/name`. */
export function listRepos(root: string): string[] {
  return namesIn(root).flatMap((name) => {
    const [, owner, repo] = REPO_FOLDER.exec(name) ?? [];
    return repo === undefined ? [] : [`${owner}/${repo}`];
  }).sort();
}
