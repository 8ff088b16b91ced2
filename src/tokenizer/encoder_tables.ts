/**
 * The tables that the encoder works with, made from lists of tokens and merges, and checked on the way.
 *
 * @module
 */

import type { FileFormatError } from "../base/errors.ts";
import { byteOf } from "./byte_alphabet.ts";
import type { EncoderTables } from "./byte_pair_encoder.ts";
import { ByteIndex } from "./byte_strings.ts";
import { MergeTable } from "./merge_table.ts";
import { tokenType, type Vocabulary } from "./vocabulary.ts";

/** A vocabulary given as lists. */
export interface VocabularyLists
  extends Pick<Vocabulary, "tokens" | "merges" | "tokenTypes" | "tokenBytes" | "addedIds"> {
  /** Whether text becomes this token by merging its bytes, be it an added token or not. */
  isMadeOfBytes(id: number): boolean;
  /** The error for what is wrong with it. */
  error(what: string, received: unknown): FileFormatError;
}

/** Makes the tables. Throws a `FileFormatError` where the vocabulary contradicts itself. */
export function makeEncoderTables(vocabulary: VocabularyLists): EncoderTables {
  const index = indexTokens(vocabulary);
  const byteIds = new Int32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    // None is missing from GPT-2's; a vocabulary that was made for fewer characters may do without some.
    byteIds[byte] = index.find(Uint8Array.of(byte), 0, 1);
  }
  return { byteIds, merges: readMerges(vocabulary, index) };
}

/**
 * The tokens that are made of bytes, by these. Other added tokens are not looked up by bytes, but no two tokens may
 * be written alike.
 */
function indexTokens(vocabulary: VocabularyLists): ByteIndex {
  const { tokens, tokenTypes, tokenBytes, addedIds } = vocabulary;
  const index = new ByteIndex(tokenBytes);
  for (let id = 0; id < tokens.length; id++) {
    const same = vocabulary.isMadeOfBytes(id) ? index.add(id) : -1;
    if (same >= 0) throw vocabulary.error(`tokens ${same} and ${id} are the same`, tokens[id]);
  }
  const addedIdOf = new Map<string, number>();
  for (const id of addedIds) {
    if (tokenTypes[id] === tokenType.unused || vocabulary.isMadeOfBytes(id)) continue;
    const same = addedIdOf.get(tokens[id]) ?? findPrintable(index, tokens[id]);
    if (same >= 0) throw vocabulary.error(`tokens ${same} and ${id} are the same`, tokens[id]);
    addedIdOf.set(tokens[id], id);
  }
  return index;
}

/** The id of the normal token that is written as `text`, or -1. */
function findPrintable(index: ByteIndex, text: string): number {
  const bytes = Array.from(text, (char) => byteOf(char.charCodeAt(0)));
  return bytes.includes(-1) ? -1 : index.find(Uint8Array.from(bytes), 0, bytes.length);
}

/** Reads merges written `"left right"`. */
function readMerges(vocabulary: VocabularyLists, index: ByteIndex): MergeTable {
  const lines = vocabulary.merges;
  const merges = new MergeTable(lines.length);
  const bytes = new Uint8Array(vocabulary.tokenBytes.maxLength);
  for (let rank = 0; rank < lines.length; rank++) {
    const line = lines[rank];
    if (typeof line !== "string") throw vocabulary.error(`merge ${rank} is not text`, line);
    const numLeft = line.indexOf(" ");
    const numBytes = line.length - 1;
    // The merged token is as long as both parts: what is longer than every token cannot be one.
    if (numLeft < 0 || numBytes > bytes.length) throw unknownMerge(vocabulary, rank, line);
    for (let at = 0; at < numBytes; at++) {
      const byte = byteOf(line.charCodeAt(at < numLeft ? at : at + 1));
      if (byte < 0) throw unknownMerge(vocabulary, rank, line);
      bytes[at] = byte;
    }
    const left = index.find(bytes, 0, numLeft);
    const right = index.find(bytes, numLeft, numBytes);
    const result = index.find(bytes, 0, numBytes);
    if (left < 0 || right < 0 || result < 0) throw unknownMerge(vocabulary, rank, line);
    if (!merges.add(left, right, result)) throw repeatedMerge(vocabulary, rank, line);
  }
  return merges;
}

function unknownMerge(vocabulary: VocabularyLists, rank: number, received: unknown): Error {
  return vocabulary.error(
    `merge ${rank} is not two tokens of the vocabulary, with one space between, that make a third`,
    received,
  );
}

function repeatedMerge(vocabulary: VocabularyLists, rank: number, received: unknown): Error {
  return vocabulary.error(`merge ${rank} was there before`, received);
}
