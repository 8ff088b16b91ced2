/**
 * Quantities in words.
 *
 * @module
 */

const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB"];

/** A number of bytes, to three or four digits: `134.1 MB`. */
export function bytesText(bytes: number): string {
  let unit = 0;
  let scaled = bytes;
  while (scaled >= 999.95 && unit < BYTE_UNITS.length - 1) {
    scaled /= 1000;
    unit++;
  }
  return `${unit === 0 ? scaled : scaled.toFixed(1)} ${BYTE_UNITS[unit]}`;
}

/** A number of things: `1 token`, `2 tokens`. */
export function countText(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
}
