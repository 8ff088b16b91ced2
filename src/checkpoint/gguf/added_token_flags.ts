/**
 * How added tokens are recognized, as numbers in the metadata of a GGUF file: pairs of an id and of bits.
 *
 * @module
 */
import type { GgufValue } from "../../formats/gguf_value.ts";
import type { AddedToken, AddedTokenFlags } from "../../tokenizer/added_tokens.ts";

const BITS = { lstrip: 1, rstrip: 2, singleWord: 4, normalized: 8 } as const satisfies Record<
  keyof AddedTokenFlags,
  number
>;
const NAMES = Object.keys(BITS) as (keyof typeof BITS)[];

/** The numbers for those tokens that have any flag. */
export function flagsToNumbers(tokens: readonly AddedToken[]): number[] {
  return tokens.flatMap(({ id, flags }) => {
    const bits = NAMES.reduce((sum, name) => sum + (flags[name] ? BITS[name] : 0), 0);
    return bits === 0 ? [] : [id, bits];
  });
}

/** The flags by id. */
export function numbersToFlags(value: GgufValue | undefined): Map<number, AddedTokenFlags> {
  const flags = new Map<number, AddedTokenFlags>();
  if (value?.type !== "u32[]") return flags;
  for (let i = 0; i + 1 < value.value.length; i += 2) {
    const [id, bits] = value.value.subarray(i, i + 2);
    const names = NAMES.filter((name) => (bits & BITS[name]) !== 0);
    flags.set(id, Object.fromEntries(names.map((name) => [name, true])));
  }
  return flags;
}
