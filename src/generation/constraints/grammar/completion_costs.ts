/**
 * How far it is to the end.
 *
 * @module
 */
import type { ByteGrammar } from "./byte_grammar.ts";

/** By node: how many bytes at least lead from it to the end of its rule. */
export function completionCosts({ nodes }: ByteGrammar): Float64Array {
  const costs = new Float64Array(nodes.length).fill(Infinity);
  let isChanged = true;
  const lower = (node: number, cost: number) => {
    if (cost >= costs[node]) return;
    costs[node] = cost;
    isChanged = true;
  };
  while (isChanged) {
    isChanged = false;
    // Mostly, what comes next was made later: so one round, or a few, do.
    for (let node = nodes.length - 1; node >= 0; node--) {
      const { bytes, empties, calls, isEnd } = nodes[node];
      if (isEnd) lower(node, 0);
      for (let i = 2; i < bytes.length; i += 3) lower(node, costs[bytes[i]] + 1);
      for (const next of empties) lower(node, costs[next]);
      for (let i = 0; i < calls.length; i += 2) lower(node, costs[calls[i]] + costs[calls[i + 1]]);
    }
  }
  return costs;
}
