/**
 * Finds a model in the cache, or downloads it.
 *
 * @module
 */
import { FileFormatError, HubError, StorageError } from "../../base/errors.ts";
import { quote } from "../../base/describe.ts";
import {
  OTHER_TOKENIZERS,
  otherTokenizer,
} from "../../checkpoint/hugging_face/other_tokenizers.ts";
import {
  readSafetensorsIndex,
  SAFETENSORS_FILE_NAME,
  SAFETENSORS_INDEX_NAME,
} from "../../formats/safetensors_index.ts";
import { hasContent } from "./content.ts";
import { downloadBlob, type DownloadOptions } from "./download.ts";
import { RepoCache } from "./hub_cache.ts";
import { HubClient, type RemoteFile } from "./hub_client.ts";
import type { HubSettings } from "./hub_settings.ts";
import { ggufParts, type HubModel, hubModelName, isCommit } from "./model_names.ts";

/** A model on this machine. */
export interface LocalModel {
  /** The commit it is from. */
  readonly commit: string;
  /** The path of its folder, or of the one file that was asked for. */
  readonly path: string;
  /** Whether one of its files was damaged, and has been downloaded again. */
  readonly isRepaired: boolean;
}

/** Options of {@linkcode fetchModel}. */
export interface FetchModelOptions extends DownloadOptions {
  /**
   * Whether to ask the hub what the branch or tag is at now, even if it is in the cache; what is there is compared with
   * the hub, and downloaded again if it is damaged.
   */
  readonly refresh?: boolean;
  /** Looks at config.json before anything large is downloaded. What it throws ends the download. */
  readonly checkConfig?: (path: string) => void;
  /** Called once, if something has to be tried again, with a sentence that says why it takes so long. */
  readonly onNotice?: (text: string) => void;
}

const CONFIG = "config.json";
const TOKENIZER = "tokenizer.json";
const TOKENIZER_PARTS = ["vocab.json", "merges.txt"];
/** What goes with a checkpoint if it has it: where a text ends, and tokens beside the vocabulary. */
const OPTIONAL = [
  "generation_config.json",
  "tokenizer_config.json",
  "added_tokens.json",
  "special_tokens_map.json",
];
const TOKENIZER_ADVICE =
  "Choose a model with GPT-2's tokenizer; or download it yourself, give the path of its folder, and pass token ids " +
  "instead of texts.";
const PICKLE = "pytorch_model.bin";

/**
 * Finds a model in the cache without any request.
 *
 * @returns nothing if it is not there, or not all of it
 */
export function findModel(model: HubModel, settings: HubSettings): LocalModel | undefined {
  if (settings.cacheFolder === undefined) return undefined;
  const cache = new RepoCache(settings.cacheFolder, model.repo);
  const commit = cache.commitOf(model.revision);
  return commit === undefined ? undefined : findCommit(cache, model, commit);
}

/**
 * Finds a model in the cache, or downloads what is missing: as a rule config.json, the safetensors files, and the files of
 * the tokenizer. A branch or tag is where the cache has it, unless `refresh` is set.
 *
 * @throws {Deno.errors.NotFound} if the hub has no such model, or a file is missing there
 * @throws {FileFormatError} if it has its weights only in a format that runs code
 * @throws {HubError} if the hub may not be asked, refuses, or fails several times
 * @throws {StorageError} if the cache cannot be written
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function fetchModel(
  model: HubModel,
  settings: HubSettings,
  options: FetchModelOptions = {},
): Promise<LocalModel> {
  const found = options.refresh ? undefined : findModel(model, settings);
  if (found !== undefined) return found;
  options.signal?.throwIfAborted();
  return await new Fetch(model, settings, options).run();
}

/** One download of a model. */
class Fetch {
  readonly #model: HubModel;
  readonly #cache: RepoCache;
  readonly #client: HubClient;
  readonly #options: FetchModelOptions;
  /** A branch or tag until the hub has said which commit that is. */
  #revision: string;
  #isRepaired = false;

  constructor(model: HubModel, settings: HubSettings, options: FetchModelOptions) {
    const root = requireCache(model, settings);
    requireOnline(model, settings);
    this.#model = model;
    this.#options = options;
    this.#cache = new RepoCache(root, model.repo);
    this.#client = new HubClient(settings, model, options.onNotice);
    // What is missing of a commit that is there in part comes from the same commit.
    const known = options.refresh ? undefined : this.#cache.commitOf(model.revision);
    this.#revision = known ?? model.revision;
  }

  async run(): Promise<LocalModel> {
    const { file, revision } = this.#model;
    using _kept = await this.#cache.hold(this.#options.signal);
    const path = file === undefined ? await this.#checkpoint() : await this.#gguf(file);
    const commit = this.#revision;
    // Last, so that a branch never points to a commit of which less is there than before.
    await this.#cache.writeRef(revision, commit);
    return { commit, path, isRepaired: this.#isRepaired };
  }

  /** The path of the file, beside which are the other parts of the model if it is one of several. */
  async #gguf(file: string): Promise<string> {
    for (const part of ggufParts(file)) await this.#require(part);
    return await this.#require(file);
  }

  async #checkpoint(): Promise<string> {
    const config = await this.#require(CONFIG);
    this.#options.checkConfig?.(config);
    for (const name of OPTIONAL) await this.#get(name);
    await this.#tokenizer();
    if (await this.#get(SAFETENSORS_FILE_NAME) === undefined) {
      const index = await this.#get(SAFETENSORS_INDEX_NAME);
      if (index === undefined) throw await this.#noWeights();
      for (const name of readSafetensorsIndex(index).keys()) await this.#require(name);
    }
    return this.#cache.snapshotFolder(this.#revision);
  }

  async #tokenizer(): Promise<void> {
    if (await this.#get(TOKENIZER) !== undefined) return;
    for (const name of TOKENIZER_PARTS) {
      if (await this.#get(name) === undefined) throw await this.#noTokenizer(name);
    }
  }

  /** The path of a file that has to be there. */
  async #require(file: string): Promise<string> {
    const path = await this.#get(file);
    if (path === undefined) throw this.#notFound(file);
    return path;
  }

  /** The path of a file, downloaded if need be; nothing if the repository has no such file. */
  async #get(file: string): Promise<string | undefined> {
    const { refresh = false, signal } = this.#options;
    const find = () => isCommit(this.#revision) && this.#cache.findFile(this.#revision, file);
    const known = find();
    if (known && !refresh) return known;
    const remote = await this.#describe(file);
    if (remote === undefined) return undefined;
    const path = find();
    if (path) {
      if (!refresh || await hasContent(path, remote, signal)) return path;
      this.#isRepaired = true;
    }
    await downloadBlob(this.#client, this.#cache, remote, this.#options);
    return await this.#cache.linkFile(this.#revision, file, remote.etag);
  }

  async #describe(file: string): Promise<RemoteFile | undefined> {
    const { signal } = this.#options;
    const remote = await this.#client.describe(this.#revision, file, signal);
    if (remote === undefined) return undefined;
    if (isCommit(this.#revision)) return { ...remote, commit: this.#revision };
    // From here on, whatever happens to the branch: all files are of one commit.
    this.#revision = remote.commit;
    return remote;
  }

  #notFound(file: string): Error {
    return new Deno.errors.NotFound(
      `Cannot download ${
        quote(hubModelName(this.#model))
      }: the hub has no such model, or no such ` +
        `file in it: received status 404 for ${quote(file)}. Check the name.`,
    );
  }

  async #noTokenizer(missing: string): Promise<Error> {
    for (const file of OTHER_TOKENIZERS) {
      if (await this.#describe(file) === undefined) continue;
      return new FileFormatError(
        `Cannot use ${quote(hubModelName(this.#model))}: ${
          otherTokenizer(file)
        }. ${TOKENIZER_ADVICE}`,
      );
    }
    return new FileFormatError(
      `Cannot use ${
        quote(hubModelName(this.#model))
      }: the model has no tokenizer: received status 404 for ` +
        `${quote(missing)}. ${TOKENIZER_ADVICE}`,
    );
  }

  async #noWeights(): Promise<Error> {
    const name = quote(hubModelName(this.#model));
    if (await this.#describe(PICKLE) === undefined) {
      return new Deno.errors.NotFound(
        `Cannot download ${name}: it has no weights in a format that can be read: received status 404 ` +
          `for ${SAFETENSORS_FILE_NAME}. If it has .gguf files, write ${this.#model.repo}:file.gguf.`,
      );
    }
    return new FileFormatError(
      `Cannot download ${name}: its weights are not safetensors: received only ${PICKLE}, a format that ` +
        "runs code. Save them again: in Python, with Hugging Face transformers, GPT2LMHeadModel" +
        `.from_pretrained(${
          JSON.stringify(this.#model.repo)
        }).save_pretrained(folder), and use the folder.`,
    );
  }
}

/** The commit's files, if all that are needed are there. */
function findCommit(cache: RepoCache, { file }: HubModel, commit: string): LocalModel | undefined {
  const find = (name: string) => cache.findFile(commit, name);
  if (file !== undefined) {
    const path = ggufParts(file).every((part) => find(part) !== undefined) ? find(file) : undefined;
    return path === undefined ? undefined : { commit, path, isRepaired: false };
  }
  const index = find(SAFETENSORS_INDEX_NAME);
  const hasWeights = find(SAFETENSORS_FILE_NAME) !== undefined ||
    index !== undefined &&
      readSafetensorsIndex(index).keys().every((name) => find(name) !== undefined);
  const hasTokenizer = find(TOKENIZER) !== undefined ||
    TOKENIZER_PARTS.every((name) => find(name) !== undefined);
  const isComplete = find(CONFIG) !== undefined && hasWeights && hasTokenizer;
  return isComplete ? { commit, path: cache.snapshotFolder(commit), isRepaired: false } : undefined;
}

function requireCache(model: HubModel, { cacheFolder }: HubSettings): string {
  if (cacheFolder !== undefined) return cacheFolder;
  throw new StorageError(
    `Cannot download ${
      quote(hubModelName(model))
    }: there is no folder to keep it in: received no ` +
      "variable that names one. Set HF_HUB_CACHE to a folder, and let Deno read it (--allow-env).",
  );
}

function requireOnline(model: HubModel, { offlineVariable }: HubSettings): void {
  if (offlineVariable === undefined) return;
  throw new HubError(
    `Cannot download ${
      quote(hubModelName(model))
    }: it is not in the cache, and the hub may not be ` +
      `asked: received the variable ${offlineVariable}. Unset ${offlineVariable}, or use "demo", which needs ` +
      "no download.",
  );
}
