/**
 * The printable alphabet in which GPT-2 writes bytes: one character for each of the 256 bytes.
 *
 * A vocabulary file is text, yet its tokens are byte strings that may hold half a character, a
 * newline or a space. GPT-2 therefore writes a byte that is a visible Latin-1 character as that
 * character, and gives the 68 others, in order, the characters from U+0100 on: a space is `Ġ`, a
 * newline `Ċ`.
 *
 * Source: `bytes_to_unicode` in OpenAI's GPT-2 code release (Radford et al. 2019).
 *
 * @module
 */

/**
 * Bytes that stand for themselves: the visible characters of Latin-1 (U+00AD, the soft hyphen, is
 * not visible).
 */
function isVisible(byte: number): boolean {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
}

const allBytes = Array.from({ length: 256 }, (_, byte) => byte);
const visibleBytes = allBytes.filter(isVisible);
const hiddenBytes = allBytes.filter((byte) => !isVisible(byte));

/** The 256 bytes in GPT-2's order: token id 0 is `!`, id 188 is the byte 0. */
export const bytesInOrder: readonly number[] = [...visibleBytes, ...hiddenBytes];

const charCodeOfByte = Uint16Array.from(
  allBytes,
  (byte) => isVisible(byte) ? byte : 0x100 + hiddenBytes.indexOf(byte),
);

/** One more than the largest character code of the alphabet. */
const alphabetEnd = 0x100 + hiddenBytes.length;

const byteOfCharCode = new Int16Array(alphabetEnd).fill(-1);
charCodeOfByte.forEach((charCode, byte) => byteOfCharCode[charCode] = byte);

/**
 * The byte that a character of the alphabet stands for, or -1 where the character is not one of it.
 */
export function byteOf(charCode: number): number {
  return charCode < alphabetEnd ? byteOfCharCode[charCode] : -1;
}

/** Bytes written in the alphabet: `[32, 116]` is `"Ġt"`. */
export function toPrintable(bytes: Iterable<number>): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(charCodeOfByte[byte]);
  return text;
}
