/**
 * Models of the hub, converted: kept in this package's own cache, so that a model that was used before is one file to open.
 *
 *     models/openai-community--gpt2/refs/main             the commit that a branch or tag was at
 *     models/openai-community--gpt2/<commit>/gpt2-Q8_0.gguf
 *
 * The checkpoint it was made from may be removed from the hub's cache.
 *
 * @module
 */
import { requireCacheFolder } from "../base/cache_folder.ts";
import { writeFileAtomically, type WriteProgress } from "../base/atomic_file.ts";
import type { LocalModel } from "./hub/fetch_model.ts";
import { takeFileLock, tryFileLocks } from "../base/file_lock.ts";
import { bytesOf, folderOf, isFile, namesIn, readTextIfAny } from "../base/files.ts";
import { removeFolder } from "../base/remove.ts";
import { makeFolderInside } from "../base/folder_inside.ts";
import { isInUse } from "./hub/hub_cache.ts";
import { type HubModel, isCommit } from "./hub/model_names.ts";
import { convertCheckpoint } from "../checkpoint/convert.ts";
import { type FileType, isFileType } from "../checkpoint/file_types.ts";

/** A converted model on this machine. */
export interface ConvertedModel {
  /** The commit it was made from. */
  readonly commit: string;
  /** The type of its weights. */
  readonly type: FileType;
  /** The path of the GGUF file. */
  readonly path: string;
  /** How large the file is. */
  readonly numBytes: number;
}

/** The converted models of one repository. */
export class ConvertedModels {
  /** Where they are. */
  readonly folder: string;
  readonly #name: string;

  /**
   * @param root see {@linkcode convertedModelsFolder}
   * @param repo `owner/name`
   */
  constructor(root: string, repo: string) {
    this.folder = `${root}/${repo.replace("/", "--")}`;
    this.#name = repo.replace(/^.*\//, "");
  }

  /** The path of the file for a commit, be it there or not. */
  path(commit: string, type: FileType): string {
    return `${this.folder}/${commit}/${this.#name}-${type.toUpperCase()}.gguf`;
  }

  /** The commit that a branch or tag was at when it was last converted, if it was. */
  commitOf(revision: string): string | undefined {
    if (isCommit(revision)) return revision;
    const commit = readTextIfAny(this.#refPath(revision))?.trim();
    return commit !== undefined && isCommit(commit) ? commit : undefined;
  }

  /**
   * Converts a checkpoint of the hub, unless that was done. If another process is at it, waits for that one instead.
   *
   * @param options `isNew` says that the file is of no use if it is there already
   * @returns the path of the GGUF file
   * @throws as {@linkcode convertCheckpoint}
   */
  async convert(
    { revision }: HubModel,
    { commit, path: source }: LocalModel,
    type: FileType,
    options: {
      isNew?: boolean;
      onProgress?: (progress: WriteProgress) => void;
      onNotice?: (text: string) => void;
      signal?: AbortSignal;
    },
  ): Promise<string> {
    const { isNew = false, ...rest } = options;
    const path = this.path(commit, type);
    if (isNew || !isFile(path)) {
      await this.#makeFolder(folderOf(path));
      using _lock = await takeFileLock(`${path}.lock`, { signal: options.signal });
      if (isNew || !isFile(path)) {
        const name = this.#name;
        // The place is ours: a link to nothing is not kept.
        await convertCheckpoint(source, path, { ...rest, type, name, overwrite: true });
      }
    }
    await this.#writeRef(revision, commit);
    return path;
  }

  /** All of them. */
  list(): ConvertedModel[] {
    return this.#commits().flatMap((commit) =>
      namesIn(`${this.folder}/${commit}`).sort().flatMap((file) => {
        const type = /-([^-]+)\.gguf$/.exec(file)?.[1].toLowerCase() ?? "";
        const path = `${this.folder}/${commit}/${file}`;
        return isFileType(type) && isFile(path)
          ? [{ commit, type, path, numBytes: bytesOf(path) }]
          : [];
      })
    );
  }

  /**
   * Removes all of them.
   *
   * @throws {Deno.errors.Busy} if another process is converting one
   */
  async remove(): Promise<void> {
    using _locks = this.lock();
    await removeFolder(this.folder);
  }

  /**
   * Keeps all of them from being converted, until the result is disposed of.
   *
   * @throws {Deno.errors.Busy} if another process is converting one
   */
  lock(): Disposable {
    const folders = this.#commits().map((commit) => `${this.folder}/${commit}`);
    const locks = tryFileLocks(
      folders.flatMap((folder) =>
        namesIn(folder).filter((name) => name.endsWith(".lock")).map((name) => `${folder}/${name}`)
      ),
    );
    if (locks === undefined) throw isInUse(this.folder);
    return locks;
  }

  #commits(): string[] {
    return namesIn(this.folder).filter(isCommit).sort();
  }

  /** Below the folder that has all of this package's, so that none of it is a link to somewhere else. */
  async #makeFolder(folder: string): Promise<void> {
    await makeFolderInside(folderOf(folderOf(this.folder)), folder);
  }

  #refPath(revision: string): string {
    return `${this.folder}/refs/${revision}`;
  }

  async #writeRef(revision: string, commit: string): Promise<void> {
    if (this.commitOf(revision) === commit) return;
    const path = this.#refPath(revision);
    await this.#makeFolder(folderOf(path));
    await writeFileAtomically(path, commit.length, [new TextEncoder().encode(commit)]);
  }
}

/**
 * The folder of all converted models.
 *
 * @throws {Deno.errors.NotCapable} if the environment may not be read
 * @throws {StorageError} if it names no folder for caches
 */
export function convertedModelsFolder(): string {
  return requireCacheFolder("models");
}

/** The repositories with converted models in a folder, as `owner/name`. */
export function listConvertedRepos(root: string): string[] {
  return namesIn(root).flatMap((name) => {
    const [, owner, repo] = /^([^/]+?)--([^/]+)$/.exec(name) ?? [];
    return repo === undefined ? [] : [`${owner}/${repo}`];
  }).sort();
}
