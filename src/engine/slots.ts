/**
 * Which sequence is remembered where, and how much memory there is for all of them.
 *
 * @module
 */
import type { Model } from "../model/model.ts";
import { CACHE_STEP, cacheBytes, KeyValueCache } from "./key_value_cache.ts";
import { freeBytes, knowsFreeBytes, requireMemory } from "./memory_budget.ts";
import type { Sequence } from "./sequence.ts";

/** A cache in which fewer slots than one in so many are used is replaced by a smaller one. */
const SHRINK_BELOW = 4;

/** A sequence, and how long it is about to be. */
export interface Room {
  /** What is about to grow. */
  readonly sequence: Sequence;
  /** Its tokens then. */
  readonly length: number;
}

/**
 * Gives sequences their slots: 0, 1, 2, ... without a gap, so that steps of all of them need not care for what is free. The
 * cache grows as they do, and shrinks when most of them are gone.
 */
export class Slots implements Disposable {
  readonly #model: Model;
  readonly #beforeChange: () => void;
  readonly #numWaiting: () => number;
  /** Those that are remembered, by slot. A closed one leaves a gap until the next call of `reserve()`. */
  #sequences: (Sequence | undefined)[] = [];
  #cache: KeyValueCache | undefined;
  #needsClearedRows: boolean;

  /**
   * @param beforeChange is called before the cache is replaced: graphs must not use it any more
   * @param numWaiting tells how many sequences will soon want a slot: the cache is made large enough for them at once
   */
  constructor(model: Model, beforeChange: () => void, numWaiting: () => number) {
    this.#model = model;
    this.#beforeChange = beforeChange;
    this.#numWaiting = numWaiting;
    this.#needsClearedRows = !model.hasRaggedAttention;
  }

  /** Where the keys and values are. There is one after the first call of `reserve()`. */
  get cache(): KeyValueCache {
    return this.#cache!;
  }

  /** From the next call of `reserve()` on, attention may be by masks: see {@linkcode KeyValueCache.isCleared}. */
  clearRows(): void {
    this.#needsClearedRows = true;
  }

  /**
   * Gives slots to sequences that have none, and makes room for what is added to them.
   *
   * @throws {RangeError} if that takes more memory than there is
   * @throws {NativeError} if the memory cannot be had
   */
  async reserve(rooms: readonly Room[]): Promise<void> {
    await this.#fillGaps();
    const { contextLength } = this.#model.config;
    const added: Sequence[] = [];
    let wanted = 0;
    for (const { sequence, length } of rooms) {
      if (sequence.slot === undefined) added.push(sequence);
      wanted = Math.max(wanted, length, Math.min(sequence.reservedLength, contextLength));
    }
    await this.#fit(this.#sequences.length + added.length, wanted);
    for (const sequence of added) sequence.slot = this.#sequences.push(sequence) - 1;
  }

  /** Copies the first rows of what is remembered of one sequence to another one, which has no slot yet. */
  async copy(from: Sequence, to: Sequence, numRows: number): Promise<void> {
    if (numRows === 0) return;
    await this.reserve([{ sequence: to, length: numRows }]);
    await this.cache.copy({ slot: from.slot!, numRows }, to.slot!);
    to.numRows = numRows;
  }

  /**
   * Forgets the sequences that are not used any more.
   *
   * @param needed those that are still to be copied
   */
  freeDisposed(needed: ReadonlySet<Sequence>): void {
    const sequences = this.#sequences;
    let numLive = 0;
    for (let slot = 0; slot < sequences.length; slot++) {
      const each = sequences[slot];
      if (each === undefined) continue;
      if (each.isDisposed && !needed.has(each)) sequences[slot] = undefined;
      else numLive++;
    }
    if (numLive > 0) return;
    this.#sequences = [];
    this[Symbol.dispose]();
  }

  /** Frees all memory. */
  [Symbol.dispose](): void {
    if (this.#cache === undefined) return;
    this.#beforeChange();
    this.#cache[Symbol.dispose]();
    this.#cache = undefined;
  }

  async #fillGaps(): Promise<void> {
    const sequences = this.#sequences;
    for (let slot = 0; slot < sequences.length; slot++) {
      while (sequences.length > slot && sequences.at(-1) === undefined) sequences.pop();
      if (sequences.length <= slot || sequences[slot] !== undefined) continue;
      const last = sequences.at(-1)!;
      await this.cache.copy({ slot: last.slot!, numRows: last.numRows }, slot);
      sequences.pop();
      sequences[slot] = last;
      last.slot = slot;
    }
  }

  /** Has the cache fit so many sequences of such a length. */
  async #fit(numSlots: number, capacity: number): Promise<void> {
    const cache = this.#cache;
    const { numSlots: oldSlots, numRows: oldRows } = cache ?? { numSlots: 0, numRows: 0 };
    const isTooSmall = oldSlots < numSlots || oldRows < capacity;
    const isCleared = this.#needsClearedRows;
    // Attention by masks would make NaN of what happens to be in a memory that is as large as it has to be.
    const mustClear = isCleared && !cache?.isCleared;
    if (!isTooSmall && !mustClear && oldSlots <= SHRINK_BELOW * numSlots) return;
    const numSoon = Math.max(numSlots, this.#sequences.length + this.#numWaiting());
    const isTooLarge = oldSlots > SHRINK_BELOW * numSoon;
    const isFit = !isTooSmall && !isTooLarge;
    if (isFit && !mustClear) return;
    // Twice as much at a time: nothing is copied more than twice on average.
    const enough = isFit ? { numSlots: oldSlots, capacity: oldRows } : {
      numSlots: isTooLarge ? 2 * numSoon : grown(oldSlots, numSoon),
      capacity: Math.min(grown(oldRows, capacity), this.#largestCapacity),
    };
    const fits = this.#bytes(enough.numSlots, enough.capacity) <= freeBytes(this.#model.backend);
    // There is no hurry to give memory back.
    if (!fits && !isTooSmall && !mustClear) return;
    const next = fits ? enough : { numSlots, capacity: Math.max(capacity, oldRows) };
    this.#requireMemory(next.numSlots, next.capacity);
    if (cache === undefined) {
      this.#cache = new KeyValueCache(this.#model, next.numSlots, next.capacity, isCleared);
      return;
    }
    using resources = new DisposableStack();
    const replacement = resources.use(
      new KeyValueCache(this.#model, next.numSlots, next.capacity, isCleared),
    );
    for (const [slot, sequence] of this.#sequences.entries()) {
      await cache.copy({ slot, numRows: sequence!.numRows }, slot, replacement);
    }
    resources.move();
    this[Symbol.dispose]();
    this.#cache = replacement;
  }

  get #largestCapacity(): number {
    return Math.ceil(this.#model.config.contextLength / CACHE_STEP) * CACHE_STEP;
  }

  /** What a cache takes, while the one that it replaces is still there; what is known to be free is so beside that one. */
  #bytes(numSlots: number, capacity: number): number {
    const old = knowsFreeBytes(this.#model.backend) ? 0 : this.#cache?.byteLength ?? 0;
    return cacheBytes(this.#model, numSlots, capacity) + old;
  }

  #requireMemory(numSlots: number, capacity: number): void {
    requireMemory(this.#model, numSlots, capacity, this.#bytes(numSlots, capacity));
  }
}

/** At least twice `size` if that is not enough. */
function grown(size: number, needed: number): number {
  return needed <= size ? size : Math.max(needed, 2 * size);
}
