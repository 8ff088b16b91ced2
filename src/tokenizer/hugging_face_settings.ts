/**
 * What `tokenizer.json` may say besides its vocabulary. The format describes many kinds of
 * tokenizer; this package has one, GPT-2's. A file that asks for anything that would give other
 * tokens is refused, and no pattern from a file is ever compiled: patterns can be made to run
 * forever.
 *
 * @module
 */

import { isObject, type JsonObject } from "./strict_json.ts";
import { vocabularyError } from "./vocabulary_error.ts";

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
  add_prefix_space: [false],
  use_regex: [true, undefined],
};

/**
 * Throws a `FileFormatError` where `tokenizer.json` describes another tokenizer than GPT-2's. What
 * concerns only how batches are shaped (`truncation`, `padding`) or what cannot occur when every
 * byte has a token (`unk_token`) is not looked at.
 */
export function checkTokenizerJson(root: JsonObject, path?: string): void {
  checkSettings("model", root.model, modelSettings, path);
  checkSettings("pre_tokenizer", root.pre_tokenizer, preTokenizerSettings, path);
  const { normalizer, post_processor: postProcessor, decoder } = root;
  if (normalizer !== null && normalizer !== undefined) {
    throw vocabularyError("it changes the text first, which GPT-2 does not", normalizer, path);
  }
  if (!addsNoTokens(postProcessor)) {
    throw vocabularyError(
      "it adds tokens to every text, which GPT-2 does not",
      postProcessor,
      path,
    );
  }
  if (decoder !== null && decoder !== undefined) {
    checkSettings("decoder", decoder, { type: ["ByteLevel"] }, path);
  }
}

function checkSettings(
  name: string,
  section: unknown,
  settings: Record<string, readonly unknown[]>,
  path?: string,
): void {
  if (!isObject(section)) throw vocabularyError(`${name} is not an object`, section, path);
  for (const [key, allowed] of Object.entries(settings)) {
    if (!allowed.includes(section[key])) {
      throw vocabularyError(`${name}.${key} is not what GPT-2's is`, section[key], path);
    }
  }
}

/** Whether a post-processor leaves the tokens of one text as they are. */
function addsNoTokens(postProcessor: unknown): boolean {
  if (postProcessor === null || postProcessor === undefined) return true;
  if (!isObject(postProcessor)) return false;
  if (postProcessor.type === "ByteLevel") return true;
  if (postProcessor.type !== "TemplateProcessing") return false;
  const { single } = postProcessor;
  return Array.isArray(single) && single.length === 1 && isObject(single[0]) &&
    "Sequence" in single[0];
}
