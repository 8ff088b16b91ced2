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

/** How large a cache is to be. */
interface CacheSize {
  readonly numSlots: number;
  /** Positions of each. */
  readonly capacity: number;
}

/**
 * Gives sequences their slots, those first that others have left. Where that matters, or most are free, it closes the gaps
 * that remain. The cache grows as they do, and shrinks when most of them are gone.
 */
export class Slots implements Disposable {
  readonly #model: Model;
  readonly #beforeChange: () => void;
  readonly #numWaiting: () => number;
  /** Those that are remembered, by slot. A closed one leaves a gap. */
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
    const { contextLength } = this.#model.config;
    const added: Sequence[] = [];
    let wanted = 0;
    for (const { sequence, length } of rooms) {
      if (sequence.slot === undefined) added.push(sequence);
      wanted = Math.max(wanted, length, Math.min(sequence.reservedLength, contextLength));
    }
    const sequences = this.#sequences;
    if (this.#hasTooManyGaps(added.length)) await this.#fillGaps();
    const size = this.#sizeFor(Math.max(sequences.length, this.#numLive + added.length), wanted);
    if (size !== undefined) await this.#resize(size);
    for (const sequence of added) {
      const gap = sequences.indexOf(undefined);
      sequence.slot = gap >= 0 ? gap : sequences.length;
      sequences[sequence.slot] = sequence;
    }
  }

  /** Gives memory back if most of the cache is free. */
  async shrink(): Promise<void> {
    if (this.#cache !== undefined) await this.reserve([]);
  }

  /** The memory that the cache takes now. */
  get cacheBytes(): number {
    return this.#cache?.byteLength ?? 0;
  }

  /** How many sequences have room in it, and how many have a slot. */
  get counts(): { readonly numSlots: number; readonly numUsed: number } {
    return { numSlots: this.#cache?.numSlots ?? 0, numUsed: this.#numLive };
  }

  get #numLive(): number {
    return this.#sequences.reduce((sum, each) => each === undefined ? sum : sum + 1, 0);
  }

  /** Whether gaps are closed before so many sequences are added, which takes copying. */
  #hasTooManyGaps(numAdded: number): boolean {
    const numLive = this.#numLive;
    const numLeft = this.#sequences.length - numLive - numAdded;
    // Attention by masks has a pass for each run of neighbours; elsewhere gaps cost nothing but memory.
    return numLeft > (this.#model.hasRaggedAttention ? numLive + numAdded : 0);
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
   * @param isNeeded whether a sequence is still to be copied
   */
  freeDisposed(isNeeded: (sequence: Sequence) => boolean): void {
    const sequences = this.#sequences;
    let numLive = 0;
    for (let slot = 0; slot < sequences.length; slot++) {
      const each = sequences[slot];
      if (each === undefined) continue;
      if (each.isDisposed && !isNeeded(each)) sequences[slot] = undefined;
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

  /** How large a cache has to be made for so many sequences of such a length; nothing if there is one that fits. */
  #sizeFor(numSlots: number, capacity: number): CacheSize | undefined {
    const cache = this.#cache;
    const { numSlots: oldSlots, numRows: oldRows } = cache ?? { numSlots: 0, numRows: 0 };
    const isTooSmall = oldSlots < numSlots || oldRows < capacity;
    // Attention by masks would make NaN of what happens to be in a memory that is as large as it has to be.
    const mustClear = this.#needsClearedRows && !cache?.isCleared;
    if (!isTooSmall && !mustClear && oldSlots <= SHRINK_BELOW * numSlots) return undefined;
    const numSoon = Math.max(numSlots, this.#sequences.length + this.#numWaiting());
    const isTooLarge = oldSlots > SHRINK_BELOW * numSoon;
    const isFit = !isTooSmall && !isTooLarge;
    if (isFit && !mustClear) return undefined;
    // Twice as much at a time: nothing is copied more than twice on average.
    const enough = isFit ? { numSlots: oldSlots, capacity: oldRows } : {
      numSlots: isTooLarge ? 2 * numSoon : grown(oldSlots, numSoon),
      capacity: Math.min(grown(oldRows, capacity), this.#largestCapacity),
    };
    const fits = this.#bytes(enough) <= freeBytes(this.#model.backend);
    if (fits) return enough;
    // There is no hurry to give memory back.
    if (!isTooSmall && !mustClear) return undefined;
    return { numSlots, capacity: Math.max(capacity, oldRows) };
  }

  /** Replaces the cache by one of another size, to which it copies what is remembered. */
  async #resize(size: CacheSize): Promise<void> {
    const cache = this.#cache;
    const { numSlots, capacity } = size;
    requireMemory(this.#model, numSlots, capacity, this.#bytes(size));
    using resources = new DisposableStack();
    const replacement = resources.use(
      new KeyValueCache(this.#model, numSlots, capacity, this.#needsClearedRows),
    );
    if (cache !== undefined) {
      for (const [slot, sequence] of this.#sequences.entries()) {
        if (sequence === undefined) continue;
        await cache.copy({ slot, numRows: sequence.numRows }, slot, replacement);
      }
      this[Symbol.dispose]();
    }
    resources.move();
    this.#cache = replacement;
  }

  get #largestCapacity(): number {
    return Math.ceil(this.#model.config.contextLength / CACHE_STEP) * CACHE_STEP;
  }

  /** What a cache takes, while the one that it replaces is still there; what is known to be free is so beside that one. */
  #bytes({ numSlots, capacity }: CacheSize): number {
    const old = knowsFreeBytes(this.#model.backend) ? 0 : this.#cache?.byteLength ?? 0;
    return cacheBytes(this.#model, numSlots, capacity) + old;
  }
}

/** At least twice `size` if that is not enough. */
function grown(size: number, needed: number): number {
  return needed <= size ? size : Math.max(needed, 2 * size);
}
