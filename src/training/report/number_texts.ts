/**
 * Numbers as a report of a training shows them.
 *
 * @module
 */

const plain = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** A whole number: `124,439,808`. */
export function countText(count: number): string {
  return plain.format(count);
}

/** So many steps: `1 step`, `2,000 steps`. */
export function stepsText(numSteps: number): string {
  return `${countText(numSteps)} step${numSteps === 1 ? "" : "s"}`;
}

/** A loss, or what is like it: `1.8712`. */
export function lossText(loss: number): string {
  return Number.isFinite(loss) ? loss.toFixed(4) : "not a number";
}

/** A number of which three digits are enough: `0.000812`. */
export function shortText(value: number): string {
  if (!Number.isFinite(value)) return "not a number";
  return value !== 0 && Math.abs(value) < 1e-3
    ? value.toExponential(2)
    : String(Number(value.toPrecision(3)));
}

/** Bytes: `24.3 MB`. */
export function megabytesText(bytes: number): string {
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

/** A time: `34 s`, `2 min 05 s`, `1 h 02 min`. */
export function timeText(elapsedMs: number): string {
  const seconds = Math.round(elapsedMs / 1000);
  const twoDigits = (value: number) => String(value).padStart(2, "0");
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${twoDigits(seconds % 60)} s`;
  return `${countText(Math.floor(minutes / 60))} h ${twoDigits(minutes % 60)} min`;
}
