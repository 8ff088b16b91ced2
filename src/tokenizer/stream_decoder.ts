/**
 * Decoding while tokens arrive.
 *
 * @module
 */

import { showFields } from "../base/show_fields.ts";
import { describe } from "../base/describe.ts";
import { Tokenizer } from "./tokenizer.ts";

/**
 * Turns tokens into text one at a time, for showing text while it is generated. A token may end
 * within a character: its bytes are held back until the rest has come, so that no piece of the
 * output cuts a character.
 *
 * All that {@linkcode StreamDecoder.push} and the final {@linkcode StreamDecoder.flush} return, put
 * together, is what {@linkcode Tokenizer.decode} gives for the same tokens. An id beyond the vocabulary adds nothing, where
 * `decode()` refuses it: a model may have more rows than its tokenizer has tokens, and its text goes on if it writes one.
 *
 * @example
 * ```ts
 * import { StreamDecoder, Tokenizer } from "@allformers/gpt2";
 *
 * const tokenizer = await Tokenizer.gpt2();
 * const decoder = new StreamDecoder(tokenizer);
 * let text = "";
 * for (const id of tokenizer.encode("Prêt-à-porter 👗")) text += decoder.push(id);
 * text += decoder.flush();
 * ```
 */
export class StreamDecoder {
  readonly #tokenizer: Tokenizer;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  static {
    showFields(StreamDecoder, (decoder) => ({ tokenizer: decoder.#tokenizer }));
  }

  /** A decoder for the tokens of one text. Throws a `TypeError` for what is not a tokenizer. */
  constructor(tokenizer: Tokenizer) {
    if (!(tokenizer instanceof Tokenizer)) {
      throw new TypeError(
        `Cannot decode: it takes a Tokenizer: received ${describe(tokenizer)}.`,
      );
    }
    this.#tokenizer = tokenizer;
  }

  /**
   * Takes the next token. Returns the characters that it completes, possibly none.
   *
   * Throws a `RangeError` for what can be no id, below 0 or no integer, and a `TypeError` for what is no number; the decoder
   * is as it was before.
   */
  push(id: number): string {
    if (Number.isSafeInteger(id) && id >= this.#tokenizer.vocabSize) return "";
    return this.#decoder.decode(this.#tokenizer.tokenBytes(id), { stream: true });
  }

  /**
   * Ends the text: returns U+FFFD where the last character is incomplete, else nothing. The decoder
   * is then ready for another text.
   */
  flush(): string {
    return this.#decoder.decode();
  }
}
