/**
 * The names of options at the border: this package's camelCase, and the snake_case that requests are written in.
 *
 * @module
 */
import { generateRules } from "../generation/generate_options.ts";

/** Fields whose names in requests are not just the option's in snake_case. */
const OWN_NAMES: Readonly<Record<string, string>> = {
  maxNewTokens: "max_tokens",
  minNewTokens: "min_tokens",
  ignoreEndOfText: "ignore_eos",
  topLogProbabilities: "logprobs",
  numReturnSequences: "n",
  suppressTokens: "allowed_token_ids",
};

/** The field for an option: `topK` is `top_k`. */
export function fieldName(option: string): string {
  return OWN_NAMES[option] ?? option.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** What other servers and libraries call our fields. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  input: "prompt",
  max_completion_tokens: "max_tokens",
  max_new_tokens: "max_tokens",
  messages: "prompt",
  n_predict: "max_tokens",
  repeat_penalty: "repetition_penalty",
  stop_sequences: "stop",
};

/** What a field of other servers is here, if one of the known ones is that. */
export function fieldOfOthers(name: string, known: readonly string[]): string | undefined {
  const own = Object.hasOwn(OTHER_NAMES, name) ? OTHER_NAMES[name] : undefined;
  return own !== undefined && known.includes(own) ? own : undefined;
}

/** A text in quotes, or a name in camelCase. */
const WORDS = /"(?:[^"\\]|\\.)*"|\b[a-z]+[A-Z]\w*/g;

/**
 * A message in which options have the names of fields. Everything else stays as it is: what is in quotes, which is a
 * client's, and other names, such as the keywords of JSON Schema.
 */
export function renameOptions(message: string): string {
  return message.replace(
    WORDS,
    (word) => Object.hasOwn(generateRules, word) ? fieldName(word) : word,
  );
}

/** What a message of the library is about: the option that it names first. */
const SUBJECT = /^Cannot [^:]+: (?:a token of )?(\w+)/;

/** The field that a message of the library is about, if it is about one. */
export function fieldOf(message: string): string | undefined {
  const [, option] = SUBJECT.exec(message) ?? [];
  return option !== undefined && Object.hasOwn(generateRules, option)
    ? fieldName(option)
    : undefined;
}
