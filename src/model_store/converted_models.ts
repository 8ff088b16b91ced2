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
import { isFile, namesIn, readTextIfAny, removeFolder, removeIfAny } from "../base/files.ts";
import { storageError } from "../base/storage_error.ts";
import { takeFileLock } from "../base/file_lock.ts";
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
   * @returns the path of the GGUF file
   * @throws as {@linkcode convertCheckpoint}
   */
  async convert(
    { revision }: HubModel,
    { commit, path: source }: LocalModel,
    type: FileType,
    options: { onProgress?: (progress: WriteProgress) => void; signal?: AbortSignal },
  ): Promise<string> {
    const path = this.path(commit, type);
    if (!isFile(path)) {
      await makeFolder(`${this.folder}/${commit}`);
      using _lock = await takeFileLock(`${path}.lock`, { signal: options.signal });
      if (!isFile(path)) {
        await this.#removeUnfinished(path);
        await convertCheckpoint(source, path, { ...options, type, name: this.#name });
      }
    }
    await this.#writeRef(revision, commit);
    return path;
  }

  /** All of them. */
  list(): ConvertedModel[] {
    return namesIn(this.folder).filter(isCommit).sort().flatMap((commit) =>
      namesIn(`${this.folder}/${commit}`).sort().flatMap((file) => {
        const type = /-([^-]+)\.gguf$/.exec(file)?.[1].toLowerCase() ?? "";
        const path = `${this.folder}/${commit}/${file}`;
        return isFileType(type) ? [{ commit, type, path, numBytes: Deno.statSync(path).size }] : [];
      })
    );
  }

  /** Removes all of them. */
  async remove(): Promise<void> {
    await removeFolder(this.folder);
  }

  #refPath(revision: string): string {
    return `${this.folder}/refs/${revision}`;
  }

  async #writeRef(revision: string, commit: string): Promise<void> {
    if (this.commitOf(revision) === commit) return;
    const path = this.#refPath(revision);
    await makeFolder(path.slice(0, path.lastIndexOf("/")));
    await writeFileAtomically(path, commit.length, [new TextEncoder().encode(commit)]);
  }

  /** Removes what a process that was killed has left. Whoever holds the lock is the only one that writes this file. */
  async #removeUnfinished(path: string): Promise<void> {
    const [, folder, file] = /^(.*)\/([^/]*)$/.exec(path)!;
    const left = namesIn(folder).filter((name) =>
      name.startsWith(`${file}.`) && name.endsWith(".incomplete")
    );
    for (const name of left) await removeIfAny(`${folder}/${name}`);
  }
}

/**
 * The folder of all converted models.
 *
 * @throws {Deno.errors.NotCapable} if the environment may not be read
 * @throws {StorageError} if it names no folder for caches
 */
export function convertedModelsFolder(): string {
  return `${requireCacheFolder("a converted model")}/models`;
}

/** The repositories with converted models in a folder, as `owner/name`. */
export function listConvertedRepos(root: string): string[] {
  return namesIn(root).flatMap((name) => {
    const [, owner, repo] = /^([^/]+?)--([^/]+)$/.exec(name) ?? [];
    return repo === undefined ? [] : [`${owner}/${repo}`];
  }).sort();
}

async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true });
  } catch (error) {
    throw storageError(path, error);
  }
}
