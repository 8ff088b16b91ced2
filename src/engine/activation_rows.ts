/**
 * How the rows of an activation lie in a graph.
 *
 * @module
 */
import type { Shape } from "../tensor/shape.ts";
import type { ActivationPlace } from "./intervention.ts";

/** A token of a pass. */
export type TokenPlace = Omit<ActivationPlace, "head">;

/** How the rows of an activation lie: (batch seq), or (batch heads seq). */
export interface Rows {
  readonly batch: number;
  /** 1 where there is no such axis. */
  readonly heads: number;
  readonly seq: number;
  readonly hasHeads: boolean;
}

/** Those of an activation of this shape. */
export function rowsOf(shape: Shape): Rows {
  const hasHeads = shape.length === 4;
  const [batch, second, third] = shape;
  return { batch, heads: hasHeads ? second : 1, seq: hasHeads ? third : second, hasHeads };
}

/** Which row that of a token and a head is; tokens are counted through all texts of a pass. */
export function rowOf({ heads, seq, hasHeads }: Rows, token: number, head: number): number {
  return hasHeads ? (Math.floor(token / seq) * heads + head) * seq + token % seq : token;
}

/** Calls `visit` for each row of an activation, in order. */
export function eachRow(
  { batch, heads, seq, hasHeads }: Rows,
  places: readonly TokenPlace[],
  visit: (place: ActivationPlace, row: number) => void,
): void {
  for (let text = 0; text < batch; text++) {
    for (let head = 0; head < heads; head++) {
      for (let s = 0; s < seq; s++) {
        const place = { ...places[text * seq + s], head: hasHeads ? head : undefined };
        visit(place, (text * heads + head) * seq + s);
      }
    }
  }
}
