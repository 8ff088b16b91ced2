/**
 * What random programs have in common: dice, nonsense, and the counts of what was called and failed.
 *
 * @module
 */
import { Random } from "../../src/base/random.ts";

/** What a program did. */
export interface Outcome {
  /** How many calls it made. */
  readonly numCalls: number;
  /** How many of them failed. */
  readonly numErrors: number;
}

/** Something that a program may do. */
export type RandomCall = [name: string, make: () => unknown];

/** Arguments that no function wants. Sizes are small, or too large for any machine: what fits would fill its memory. */
const NONSENSE: readonly unknown[] = [
  ...[undefined, null, NaN, -1, 0, 1.5, 2 ** 40, 2 ** 53, Infinity, "", "x", {}, [], () => 1, 3n],
  ...[[0], [-1], [1e6, 1e6, 1e6], [1.5], [NaN], new Float32Array(0), new Proxy({}, {})],
];

/** A program that does the same for the same seed, so far as that does not depend on what is ready first. */
export abstract class RandomProgram {
  readonly #random: Random;
  /** Tells what is done. */
  protected readonly trace: (call: string) => void;
  /** What was begun and is not awaited yet. */
  readonly #running: Promise<unknown>[] = [];
  /** What may be aborted. */
  protected readonly controllers: AbortController[] = [];
  #numCalls = 0;
  #numErrors = 0;

  constructor(seed: number, trace: (call: string) => void) {
    this.#random = new Random(seed);
    this.trace = trace;
  }

  /** What was done so far. */
  protected get outcome(): Outcome {
    return { numCalls: this.#numCalls, numErrors: this.#numErrors };
  }

  /** Makes a call, which may fail. */
  protected async call([name, make]: RandomCall): Promise<void> {
    this.trace(name);
    this.#numCalls++;
    try {
      await make();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Lets something go on without waiting for it. It may fail. */
  protected run(promise: Promise<unknown>): void {
    this.#running.push(promise.catch((error) => this.fail(error)));
  }

  /** Waits for all that was begun. */
  protected async settle(): Promise<void> {
    while (this.#running.length > 0) await Promise.all(this.#running.splice(0));
  }

  /** Leaves a loop after two turns. */
  protected async takeSome(generated: AsyncIterable<unknown>): Promise<void> {
    let numTaken = 0;
    for await (const _each of generated) if (++numTaken === 2) break;
  }

  /** A signal that may be aborted sometime. */
  protected newSignal(): AbortSignal {
    const controller = new AbortController();
    this.controllers.push(controller);
    return controller.signal;
  }

  /** Counts an error. What is none is thrown on. */
  protected fail(error: unknown): void {
    if (!(error instanceof Error)) throw error;
    this.#numErrors++;
    this.trace(`    ${error.name}: ${error.message}`);
  }

  protected wild<T>(value: T, probability = 0.05): T {
    return this.chance(probability) ? this.choose(NONSENSE) as T : value;
  }

  protected choose<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random.next() * list.length)];
  }

  protected number(from: number, to: number): number {
    return from + Math.floor(this.#random.next() * (to - from + 1));
  }

  protected chance(probability: number): boolean {
    return this.#random.next() < probability;
  }

  protected times<T>(count: number, value: T): T[] {
    return new Array<T>(count).fill(value);
  }
}
