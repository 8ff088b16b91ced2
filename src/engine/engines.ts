/**
 * Which engine computes for which model of a user's: for functions that are given such a model, and need more of it than it
 * shows.
 *
 * @module
 */
import type { Engine } from "./engine.ts";

const engines = new WeakMap<object, Engine>();

/** Takes note of what computes for a model. */
export function registerEngine(model: object, engine: Engine): void {
  engines.set(model, engine);
}

/** What computes for a model; nothing if it is not one. */
export function engineOf(model: unknown): Engine | undefined {
  return engines.get(model as object);
}
