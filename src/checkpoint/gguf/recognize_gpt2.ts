/**
 * Knows GPT-2's own vocabulary when a GGUF file holds it, as nearly all do.
 *
 * @module
 */
import { sha256 } from "../../base/sha256.ts";
import type { GgufFile } from "../../formats/gguf.ts";
import { metadataNumber } from "../../formats/gguf_value.ts";
import { tokenType } from "../../tokenizer/vocabulary.ts";

/** The number of GPT-2's tokens. */
export const GPT2_VOCAB_SIZE = 50_257;

/** The last of them is `<|endoftext|>`. */
const END_OF_TEXT_ID = GPT2_VOCAB_SIZE - 1;

/** What a file holds under each key: so many bytes, with this SHA-256. */
const expectedArrays = new Map([
  ["tokenizer.ggml.tokens", {
    numBytes: 758_791,
    sha256: "1b0b4d1f2288958613732175557fa89f8db2b619574bc7500c5b8cb8269c16ee",
  }],
  ["tokenizer.ggml.merges", {
    numBytes: 806_304,
    sha256: "dca569b10de5f0a468dfe0d780bc5db55facb46b3bfbd8c29c9a18d3df1cac41",
  }],
]);

/**
 * Whether the tokenizer of a GGUF file is the one that comes with this package. Its 100,000 texts are not decoded for that:
 * their bytes are hashed, on another thread.
 */
export async function hasGpt2Vocabulary(file: GgufFile): Promise<boolean> {
  if ((metadataNumber(file, "tokenizer.ggml.eos_token_id") ?? END_OF_TEXT_ID) !== END_OF_TEXT_ID) {
    return false;
  }
  if (!hasGpt2TokenTypes(file)) return false;
  const matches = await Promise.all(
    expectedArrays.entries().map(async ([key, expected]) => {
      const bytes = file.textArrays.get(key);
      if (bytes?.length !== expected.numBytes) return false;
      return await sha256(bytes) === expected.sha256;
    }),
  );
  return !matches.includes(false);
}

/** Whether `<|endoftext|>` is the only special token. Without types it is. */
function hasGpt2TokenTypes(file: GgufFile): boolean {
  const types = file.metadata.get("tokenizer.ggml.token_type");
  if (types === undefined) return true;
  if (types.type !== "i32[]" && types.type !== "u32[]") return false;
  if (types.value.length !== GPT2_VOCAB_SIZE) return false;
  if (types.value[END_OF_TEXT_ID] !== tokenType.control) return false;
  for (let id = 0; id < END_OF_TEXT_ID; id++) {
    if (types.value[id] !== tokenType.normal) return false;
  }
  return true;
}
