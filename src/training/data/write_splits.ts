/**
 * Writes the tokens of texts: `train.bin`, `val.bin` and `data.json`.
 *
 * @module
 */
import { writeFileAtomically } from "../../base/atomic_file.ts";
import {
  DATA_FILES,
  type DataDescription,
  INCOMPLETE,
  type SplitDescription,
  writeDescription,
} from "./data_description.ts";
import type { EncodedPart } from "./encode_texts.ts";
import type { TokenType } from "./token_file.ts";

/** What is written, and how. */
export interface WriteSplitsOptions {
  /** How many tokens the vocabulary has. */
  readonly vocabSize: number;
  /** Goes into `data.json`. */
  readonly digest: string;
  /** Stops the writing. */
  readonly signal?: AbortSignal;
  /** Called with the number of characters of both splits before anything in the folder is replaced. What it throws stops the writing. */
  readonly check: (numCharacters: number) => void;
}

/** The largest vocabulary whose tokens take two bytes. */
const MAX_SHORT_VOCAB = 2 ** 16;

/**
 * Writes all three files. Until all tokens are on the disk, the folder is as it was; while the files are replaced,
 * `data.json` says so.
 *
 * @param parts the tokens, those for validation last
 * @throws {StorageError} if the system refuses
 */
export async function writeSplits(
  folder: string,
  parts: AsyncGenerator<EncodedPart>,
  { vocabSize, digest, signal, check }: WriteSplitsOptions,
): Promise<DataDescription> {
  const dtype = vocabSize <= MAX_SHORT_VOCAB ? "uint16" : "uint32";
  const [train, validation] = [new Split(dtype), new Split(dtype)];
  let first: EncodedPart | undefined;
  /** The bytes of a split, up to where the other one begins. */
  async function* bytesOf(split: Split, isValidation: boolean): AsyncGenerator<Uint8Array> {
    if (first !== undefined) yield split.add(first);
    for (;;) {
      const { value: part, done } = await parts.next();
      if (done) return;
      if (part.isValidation !== isValidation) {
        first = part;
        return;
      }
      yield split.add(part);
    }
  }
  const pathOf = (name: keyof typeof DATA_FILES) => `${folder}/${DATA_FILES[name]}`;
  const writeText = async (text: string) => {
    const bytes = new TextEncoder().encode(text);
    await writeFileAtomically(pathOf("description"), bytes.length, [bytes]);
  };
  try {
    await writeFileAtomically(pathOf("train"), undefined, bytesOf(train, false), {
      signal,
      beforeRename: () =>
        writeFileAtomically(pathOf("validation"), undefined, bytesOf(validation, true), {
          signal,
          beforeRename: () => {
            check(train.numCharacters + validation.numCharacters);
            return writeText(INCOMPLETE);
          },
        }),
    });
  } finally {
    // Closes what is read. A generator that is busy does that when its work is done.
    parts.return(undefined).catch(() => {});
  }
  const description = {
    dtype,
    vocabSize,
    digest,
    train: train.describe(),
    validation: validation.describe(),
  } as const;
  await writeText(writeDescription(description));
  return description;
}

/** Counts what is in a split, and turns it into bytes. */
class Split {
  numCharacters = 0;
  readonly #dtype: TokenType;
  #numTokens = 0;
  #numTexts = 0;
  #numBytes = 0;

  constructor(dtype: TokenType) {
    this.#dtype = dtype;
  }

  add({ ids, numTexts, numCharacters, numBytes }: EncodedPart): Uint8Array {
    this.#numTokens += ids.length;
    this.#numTexts += numTexts;
    this.numCharacters += numCharacters;
    this.#numBytes += numBytes;
    // Everything that Deno runs on is little-endian.
    const tokens = this.#dtype === "uint16" ? Uint16Array.from(ids) : Uint32Array.from(ids);
    return new Uint8Array(tokens.buffer);
  }

  describe(): SplitDescription {
    return {
      numTokens: this.#numTokens,
      numTexts: this.#numTexts,
      numCharacters: this.numCharacters,
      numBytes: this.#numBytes,
    };
  }
}
