/**
 * Texts that are too long.
 *
 * @module
 */

/** Leaves out the middle of a text that is too long: what failed is at its beginning, the system's reason at its end. */
export function shorten(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  const ending = Math.floor(maxLength / 3);
  return `${text.slice(0, maxLength - ending - 5)} ... ${text.slice(-ending)}`;
}
