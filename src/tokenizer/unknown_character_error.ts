/**
 * The error for a text with a character that a vocabulary cannot express.
 *
 * @module
 */
import { quote } from "../base/describe.ts";
import { InvalidArgumentError } from "../base/errors.ts";

/** A vocabulary has no tokens for a character of a text. */
export class UnknownCharacterError extends InvalidArgumentError {
  /** The character. */
  readonly character: string;
  /** Where it is in the text, in UTF-16 code units. */
  readonly position: number;

  /**
   * The error for a character.
   *
   * @param where where the text is, for the message
   */
  constructor(character: string, position: number, where = `position ${position} of the text`) {
    const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
    super(
      `Cannot encode: the vocabulary has no token for a character: received ${
        quote(character)
      } (U+${code}) at ${where}. Leave it out, or use a tokenizer that was trained on texts with it.`,
    );
    this.character = character;
    this.position = position;
  }
}
