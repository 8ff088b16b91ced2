/**
 * Arrays of texts as GGUF files hold them: each text is its length in bytes, 64 bits, then UTF-8.
 *
 * @module
 */

/** The bytes in front of each text. */
export const TEXT_LENGTH_BYTES = 8;

/** Refuses invalid text, and keeps a byte order mark, so that text is written again as it was. */
export const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The texts of an array.
 *
 * A vocabulary has 50,000 of them, mostly shorter than ten bytes, and a decoder call for each would take longer than
 * everything else together. So they are packed behind each other with a zero byte after each, decoded by one call, and
 * split at the zeros.
 *
 * @param bytes `count` texts, each behind its length, and nothing else
 * @throws {TypeError} if a text is not valid UTF-8
 */
export function decodeTexts(bytes: Uint8Array<ArrayBuffer>, count: number): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const packed = new Uint8Array(bytes.length - (TEXT_LENGTH_BYTES - 1) * count);
  let length = 0;
  for (let position = 0; position < bytes.length;) {
    const start = position + TEXT_LENGTH_BYTES;
    position = start + view.getUint32(position, true); // Nothing in a header has more than 4 GiB.
    for (let i = start; i < position; i++) packed[length++] = bytes[i];
    packed[length++] = 0;
  }
  const texts = UTF8.decode(packed).split("\0");
  texts.pop(); // What follows the last zero: nothing.
  return texts.length === count ? texts : decodeOneByOne(bytes, view);
}

/** For texts of which one holds a zero itself. */
function decodeOneByOne(bytes: Uint8Array, view: DataView): string[] {
  const texts: string[] = [];
  for (let position = 0; position < bytes.length;) {
    const start = position + TEXT_LENGTH_BYTES;
    position = start + view.getUint32(position, true);
    texts.push(UTF8.decode(bytes.subarray(start, position)));
  }
  return texts;
}
