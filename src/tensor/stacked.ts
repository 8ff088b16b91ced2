/**
 * Tensors that an operation has laid into one block of memory, so that they need not be put together again.
 *
 * @module
 */
import type { Tensor } from "./tensor.ts";

const blocks = new WeakMap<Tensor, { readonly block: Tensor; readonly index: number }>();

/**
 * Takes note that these tensors, (batch heads seq head_dim) each, are views of one block: (batch seq, three heads, head_dim) for
 * three of them.
 */
export function noteStacked(block: Tensor, parts: readonly Tensor[]): void {
  parts.forEach((part, index) => blocks.set(part, { block, index }));
}

/** The block of which these are all parts, in their order; nothing if there is none. */
export function stackedIn(parts: readonly (Tensor | undefined)[]): Tensor | undefined {
  const found = parts.map((part) => part && blocks.get(part));
  const block = found[0]?.block;
  const isWhole = found.every((part, i) => part?.block === block && part?.index === i);
  if (block === undefined || !isWhole) return undefined;
  return block.shape[2] === parts.length * parts[0]!.shape[1] ? block : undefined;
}
