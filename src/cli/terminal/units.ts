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
  return `${numberText(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/**
 * A whole number with a comma before every three digits: `124,439,808`. `toLocaleString()` writes the same, but has to
 * load its tables first, which takes longer than a token.
 */
export function numberText(number: number): string {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A time as on a clock, to whole seconds: `1:06`, `1:00:54`. */
export function clockText(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const twoDigits = (value: number) => String(value).padStart(2, "0");
  const clock = `${hours > 0 ? twoDigits(minutes) : minutes}:${twoDigits(whole % 60)}`;
  return hours > 0 ? `${hours}:${clock}` : clock;
}
