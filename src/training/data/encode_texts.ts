/**
 * Texts that come in parts, to tokens.
 *
 * @module
 */
import { quotePath } from "../../base/describe.ts";
import { FileFormatError } from "../../base/errors.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import { UnknownCharacterError } from "../../tokenizer/unknown_character_error.ts";
import { countCharacters, type SplitTextPart } from "./split_texts.ts";

/** Some tokens of the texts of a split. */
export interface EncodedPart {
  /** The tokens. */
  readonly ids: readonly number[];
  /** Whether they are for validation. */
  readonly isValidation: boolean;
  /** How many texts begin here. */
  readonly numTexts: number;
  /** The characters that they stand for. What separates texts is none. */
  readonly numCharacters: number;
  /** The UTF-8 bytes of these. */
  readonly numBytes: number;
}

/** The longest piece of text that is held in memory: between white space, or where tokens may be longer than words. */
const MAX_LENGTH = 2 ** 26;

/**
 * The tokens of texts. Between two texts of a split is the token that ends a text, where the tokenizer has one; before each is the
 * one that begins it, where it has such a one.
 *
 * @throws {FileFormatError} if the tokenizer has no token for a character, or there are tens of millions of characters without white space
 */
export async function* encodeTexts(
  parts: AsyncIterable<SplitTextPart>,
  tokenizer: Tokenizer,
): AsyncGenerator<EncodedPart> {
  const findCut = cutsOf(tokenizer);
  /** What there is of a text whose tokens are not known yet, and where it began. */
  let rest: SplitTextPart | undefined;
  let lastSplit: boolean | undefined;
  let isNew = true;
  for await (const part of parts) {
    const all: SplitTextPart = rest === undefined ? part : { ...rest, text: rest.text + part.text };
    const numSeen = all.text.length - part.text.length;
    const end = part.endsText ? all.text.length : findCut(all.text, numSeen);
    const encoded = all.text.slice(0, end);
    rest = part.endsText ? undefined : { ...all, text: all.text.slice(end) };
    if (rest !== undefined) {
      if (!all.isInLine) rest = { ...rest, line: all.line + encoded.split("\n").length - 1 };
      if (rest.text.length > MAX_LENGTH) throw tooLong(all);
    }
    const { isValidation } = part;
    if (isNew) {
      const ids = [];
      const { beginOfTextId, endOfTextId } = tokenizer;
      if (endOfTextId !== undefined && lastSplit === isValidation) ids.push(endOfTextId);
      if (beginOfTextId !== undefined) ids.push(beginOfTextId);
      yield { ids, isValidation, numTexts: 1, numCharacters: 0, numBytes: 0 };
    }
    yield { ids: [], isValidation, numTexts: 0, ...countsOf(encoded) };
    for (const ids of encode(encoded, all, tokenizer)) {
      yield { ids, isValidation, numTexts: 0, numCharacters: 0, numBytes: 0 };
    }
    isNew = part.endsText;
    lastSplit = isValidation;
  }
}

function* encode(text: string, part: SplitTextPart, tokenizer: Tokenizer): Generator<number[]> {
  try {
    yield* tokenizer.encodeInParts(text);
  } catch (error) {
    if (!(error instanceof UnknownCharacterError)) throw error;
    const before = text.slice(0, error.position);
    const line = part.line + (part.isInLine ? 0 : before.split("\n").length - 1);
    const cause = new UnknownCharacterError(
      error.character,
      error.position,
      `line ${line} of ${quotePath(part.path)}`,
    );
    throw new FileFormatError(cause.message, { path: part.path, cause });
  }
}

/**
 * What finds where a text can be cut, in the part that nobody has looked at, so that its tokens stay the same: before white space behind
 * a word, and where words get a space before a space. 0 if nowhere.
 */
function cutsOf({ addedTokens, addPrefixSpace }: Tokenizer) {
  const reachesOn = addedTokens.some(({ content, flags }) => /\s/.test(content) || flags.rstrip);
  const isCut = addPrefixSpace ? /[!-~\p{L}\p{N}] $/u : /[!-~\p{L}\p{N}][ \n]$/u;
  return (text: string, numSeen: number): number => {
    const first = reachesOn ? Infinity : Math.max(1, numSeen);
    for (let at = text.length - 1; at >= first; at--) {
      const code = text.charCodeAt(at);
      if ((code === 0x20 || code === 0x0a) && isCut.test(text.slice(Math.max(0, at - 2), at + 1))) {
        return at;
      }
    }
    return 0;
  };
}

function countsOf(text: string): { numCharacters: number; numBytes: number } {
  let numBytes = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    // Two for each half of a pair of surrogates.
    numBytes += code < 0x80 ? 1 : code < 0x800 || (code >= 0xd800 && code <= 0xdfff) ? 2 : 3;
  }
  return { numCharacters: countCharacters(text), numBytes };
}

function tooLong({ path, line }: SplitTextPart): FileFormatError {
  return new FileFormatError(
    `Cannot encode ${
      quotePath(path)
    }: a text cannot be cut: received more than ${MAX_LENGTH} characters from line ${line} on. ` +
      "Divide it into texts, or lines.",
    { path },
  );
}
