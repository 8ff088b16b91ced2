/**
 * What `tokenizer.json` may say besides its vocabulary. The format describes many kinds of
 * tokenizer; this package has one, GPT-2's. A file that asks for anything that would give other
 * tokens is refused, and no pattern from a file is ever compiled: patterns can be made to run
 * forever.
 *
 * @module
 */

import type { JsonObject, JsonValue } from "../base/strict_json.ts";
import { vocabularyError } from "./vocabulary_error.ts";

/** The settings that leave a choice. */
export interface TokenizerJsonSettings {
  /** Whether a text that does not begin with a space gets one. */
  readonly addPrefixSpace: boolean;
  /** The token that is put before every text, or its id, if one is. */
  readonly beginOfText: string | number | undefined;
  /** The token that stands for bytes without one, if one does. */
  readonly unknown: string | undefined;
}

/**
 * The settings of the model that have a say in its tokens, and the values with which it is GPT-2's.
 */
const modelSettings: Record<string, readonly unknown[]> = {
  type: ["BPE", undefined],
  dropout: [null, undefined, 0],
  continuing_subword_prefix: [null, undefined, ""],
  end_of_word_suffix: [null, undefined, ""],
  byte_fallback: [false, undefined],
  ignore_merges: [false, undefined],
};

/** Likewise of the pre-tokenizer. */
const preTokenizerSettings: Record<string, readonly unknown[]> = {
  type: ["ByteLevel"],
  add_prefix_space: [false, true],
  use_regex: [true, undefined],
};

/**
 * Throws a `FileFormatError` where `tokenizer.json` describes another tokenizer than GPT-2's. What
 * concerns only how batches are shaped (`truncation`, `padding`) is not looked at.
 */
export function readTokenizerJsonSettings(root: JsonObject, path?: string): TokenizerJsonSettings {
  const model = checkSettings("model", root.get("model"), modelSettings, path);
  const preTokenizer = root.get("pre_tokenizer");
  const checked = checkSettings("pre_tokenizer", preTokenizer, preTokenizerSettings, path);
  const normalizer = root.get("normalizer") ?? null;
  if (normalizer !== null && !isEmptySequence(normalizer)) {
    throw vocabularyError("it changes the text first, which GPT-2 does not", normalizer, path);
  }
  const decoder = root.get("decoder") ?? null;
  if (decoder !== null) checkSettings("decoder", decoder, { type: ["ByteLevel"] }, path);
  const unknown = model.get("unk_token");
  if (typeof unknown === "string" && model.get("fuse_unk") === true) {
    throw vocabularyError("model.fuse_unk makes one token of several unknown bytes", true, path);
  }
  return {
    addPrefixSpace: checked.get("add_prefix_space") === true,
    beginOfText: beginOfText(root.get("post_processor") ?? null, path),
    unknown: typeof unknown === "string" ? unknown : undefined,
  };
}

function checkSettings(
  name: string,
  section: JsonValue | undefined,
  settings: Record<string, readonly unknown[]>,
  path?: string,
): JsonObject {
  if (!(section instanceof Map)) throw vocabularyError(`${name} is not an object`, section, path);
  for (const [key, allowed] of Object.entries(settings)) {
    if (!allowed.includes(section.get(key))) {
      throw vocabularyError(`${name}.${key} is not what GPT-2's is`, section.get(key), path);
    }
  }
  return section;
}

/** A normalizer that is a list of none, or of such lists. */
function isEmptySequence(normalizer: JsonValue): boolean {
  if (!(normalizer instanceof Map) || normalizer.get("type") !== "Sequence") return false;
  const parts = normalizer.get("normalizers");
  return Array.isArray(parts) && parts.every(isEmptySequence);
}

/** The token that a post-processor puts before one text; nothing if it leaves the tokens as they are. */
function beginOfText(postProcessor: JsonValue, path?: string): string | number | undefined {
  if (postProcessor === null) return undefined;
  if (postProcessor instanceof Map) {
    const type = postProcessor.get("type");
    if (type === "ByteLevel") return undefined;
    const processors = postProcessor.get("processors");
    if (type === "Sequence" && Array.isArray(processors)) {
      const found = processors.map((each) => beginOfText(each, path));
      if (found.filter((token) => token !== undefined).length <= 1) {
        return found.find((token) => token !== undefined);
      }
    }
    if (type === "TemplateProcessing") {
      const parts = postProcessor.get("single");
      const kinds = Array.isArray(parts) ? parts.map(readTemplatePart) : [];
      const [first, second] = kinds;
      if (kinds.length === 1 && first === TEXT) return undefined;
      if (kinds.length === 2 && typeof first === "string" && second === TEXT) {
        return templateToken(first, postProcessor.get("special_tokens"), path);
      }
    }
  }
  throw vocabularyError(
    "it adds tokens to every text, other than one before it",
    postProcessor,
    path,
  );
}

/**
 * What a template means by a name: the id that it gives for it, whatever token is called so; the token itself where it
 * gives none.
 */
function templateToken(
  name: string,
  described: JsonValue | undefined,
  path?: string,
): string | number {
  const token = described instanceof Map ? described.get(name) : undefined;
  if (token === undefined) return name;
  const ids = token instanceof Map ? token.get("ids") : undefined;
  if (Array.isArray(ids) && ids.length === 1 && typeof ids[0] === "number") return ids[0];
  throw vocabularyError("the token before every text does not have one id", ids, path);
}

/** The place of the text itself in a template. */
const TEXT = Symbol("text");

/** A part of a template: the text, a token by name, or nothing known. */
function readTemplatePart(part: JsonValue): string | typeof TEXT | undefined {
  if (!(part instanceof Map)) return undefined;
  if (part.has("Sequence")) return TEXT;
  const token = part.get("SpecialToken");
  const id = token instanceof Map ? token.get("id") : undefined;
  return typeof id === "string" ? id : undefined;
}
