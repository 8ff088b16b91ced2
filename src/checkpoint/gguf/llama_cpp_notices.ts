/**
 * What llama.cpp makes of a file.
 *
 * @module
 */
import type { GgufValue } from "../../formats/gguf_value.ts";
import { END_OF_TEXT_KEY, TOKENIZER_KEY, VARIANT } from "./metadata.ts";

/** Where llama.cpp does something else with a file of this metadata than this package does, as sentences. */
export function llamaCppNotices(metadata: ReadonlyMap<string, GgufValue>): string[] {
  const notices: string[] = [];
  if (!metadata.has(TOKENIZER_KEY)) {
    notices.push(
      "The model has no tokenizer of GPT-2: here its file takes token ids, llama.cpp does not load it.",
    );
  } else if (!metadata.has(END_OF_TEXT_KEY)) {
    notices.push(
      "The tokenizer has no token that ends a text: llama.cpp takes token 11 for one, and ends texts there.",
    );
  }
  const unknown = Object.values(VARIANT).filter((key) => metadata.has(key));
  if (unknown.length > 0) {
    notices.push(
      "llama.cpp computes this model as if it were plain GPT-2, which gives other texts: it does not know " +
        `${unknown.join(", ")}.`,
    );
  }
  return notices;
}
