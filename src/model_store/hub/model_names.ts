/**
 * The names of models on Hugging Face's hub, and which names of files may come near a disk.
 *
 * @module
 */
import { InvalidArgumentError } from "../../base/errors.ts";
import { quote } from "../../base/describe.ts";

/** A model on the hub, as a name says it. */
export interface HubModel {
  /** Whose it is and what it is called: `openai-community/gpt2`. */
  readonly repo: string;
  /** A branch, a tag, or a commit. */
  readonly revision: string;
  /** The one file to use, a `.gguf`; without it, the checkpoint that the repository is. */
  readonly file?: string;
}

/** The models that have a short name. The hub redirects these too, but a cache knows them by the long name only. */
const SHORT_NAMES: ReadonlyMap<string, string> = new Map([
  ["gpt2", "openai-community/gpt2"],
  ["gpt2-medium", "openai-community/gpt2-medium"],
  ["gpt2-large", "openai-community/gpt2-large"],
  ["gpt2-xl", "openai-community/gpt2-xl"],
  ["distilgpt2", "distilbert/distilgpt2"],
]);

/** The names that need no owner. */
export const shortNames: readonly string[] = [...SHORT_NAMES.keys()];

/** `owner/name`, then maybe `@revision`, then maybe `:file.gguf`. */
const NAME = /^([^@:]+)(?:@([^@:]*))?(?::(.*))?$/s;

/** As the hub has it: letters, digits, `_`, `-` and `.`, but neither of the last two at either end. */
const REPO_PART = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?$/;

/** What may be between two slashes in a revision or file name: nothing hidden, no `..`, no drive letter, no NUL. */
const PATH_PART = /^[A-Za-z0-9_+-][A-Za-z0-9_.+ -]{0,200}$/;

/** More is no model that this program could run. */
const MAX_PARTS = 1000;

const COMMIT = /^[0-9a-f]{40}$/;

/**
 * What a name stands for: `gpt2`, `owner/name`, `owner/name@revision`, `owner/name:file.gguf`.
 *
 * @returns nothing if the text has not the form of such a name; it may be a path then
 * @throws {RangeError} if it has, but with a revision or file that cannot be
 */
export function parseHubModel(text: string): HubModel | undefined {
  const [, name = "", revision = "main", file] = NAME.exec(text) ?? [];
  const repo = SHORT_NAMES.get(name) ?? name;
  if (!isRepo(repo)) return undefined;
  if (!isSafePath(revision)) {
    throw nameError(text, "the revision is no branch, tag or commit", revision);
  }
  if (file === undefined) return { repo, revision };
  if (!isSafePath(file) || !file.endsWith(".gguf")) {
    throw nameError(text, "the file is no .gguf inside the repository", file);
  }
  return { repo, revision, file };
}

/** The name that stands for a model: what {@linkcode parseHubModel} takes. */
export function hubModelName({ repo, revision, file }: HubModel): string {
  return repo + (revision === "main" ? "" : `@${revision}`) +
    (file === undefined ? "" : `:${file}`);
}

/** The files that a model in a GGUF file consists of: `x-00001-of-00003.gguf` is one of three. */
export function ggufParts(file: string): string[] {
  const [, name, number, total] = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/.exec(file) ?? [];
  const isPart = 1 <= Number(number) && Number(number) <= Number(total) &&
    Number(total) <= MAX_PARTS;
  if (!isPart) return [file];
  return Array.from(
    { length: Number(total) },
    (_, i) => `${name}-${String(i + 1).padStart(5, "0")}-of-${total}.gguf`,
  );
}

/** Whether a revision is a commit, which never changes. */
export function isCommit(revision: string): boolean {
  return COMMIT.test(revision);
}

/** Whether a relative path, with slashes, stays in its folder on every system. */
export function isSafePath(path: string): boolean {
  return path.length <= 1000 &&
    path.split("/").every((part) => PATH_PART.test(part) && !/[. ]$|\.lock$/.test(part));
}

function isRepo(repo: string): boolean {
  const parts = repo.split("/");
  return parts.length === 2 && parts.every((part) => REPO_PART.test(part)) &&
    !/--|\.\.|\.git$/.test(repo);
}

function nameError(text: string, what: string, received: string): RangeError {
  return new InvalidArgumentError(
    `Cannot use the model ${quote(text)}: ${what}: received ${quote(received)}. ` +
      "Write owner/name, owner/name@revision or owner/name:file.gguf.",
  );
}
