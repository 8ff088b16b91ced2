/**
 * Texts that stay open when their requests have ended: a prompt that begins as one of them did need not be read again.
 *
 * @module
 */
import { orAborted } from "../base/abort.ts";
import { engineOf } from "../engine/engines.ts";
import type { Interventions } from "../engine/intervention.ts";
import type { TokenScore } from "../engine/target_scores.ts";
import type { Text } from "../generation/text.ts";
import type { GPT2 } from "../gpt2.ts";
import type { ChosenAdapters } from "./adapters.ts";
import { isAboutMemory } from "./api_error.ts";

/** What may be kept. */
export interface PrefixCacheLimits {
  /** The most texts that are kept beside those that are in use. */
  readonly maxTexts: number;
  /** The most tokens of all of them. */
  readonly maxTokens: number;
}

/** A prompt that has been read. */
export interface ReadPrompt {
  /** It and nothing else. */
  readonly text: Text;
  /** Of its tokens, if they were asked for. */
  readonly scores: readonly TokenScore[];
  /** How many of its tokens need not be read. */
  readonly numReused: number;
}

/** How a prompt is read. */
export interface ReadPromptOptions {
  /** How many of the likeliest tokens to name in each place, if scores are wanted. */
  readonly numTop?: number;
  /** What is done to activations. What the model then remembers is of no use to others. */
  readonly intervene?: Interventions;
  /** What is added to the model's weights. */
  readonly adapters?: ChosenAdapters;
  readonly signal: AbortSignal;
}

/** A text that others may begin like. */
interface Entry {
  /** There is one when it is read. */
  text?: Text;
  /** What it begins with; of one that nobody uses, all of it. */
  tokens: readonly number[];
  /** What else its keys and values depend on. */
  readonly adaptersKey: string;
  /** Of its first tokens, with so many of the likeliest beside each. */
  scores: readonly TokenScore[];
  readonly numTop: number | undefined;
  /** Settles when the model has read it, of one that is in use. */
  readonly whenRead: Promise<void>;
  isRead: boolean;
  isInUse: boolean;
}

/** An entry, and how many tokens of a prompt it has. */
interface Match {
  readonly entry: Entry;
  readonly length: number;
}

/** To look further is not worth the while. */
const MIN_LENGTH = 8;
/** Copying a token takes less than this share of reading one. */
const COPY_COST = 1 / 16;
/** Of a text that nobody uses, so many tokens may be lost for the sake of not copying it. */
const MAX_LOST = 32;

/** Reads prompts, and keeps texts. */
export class PrefixCache {
  readonly #model: GPT2;
  readonly #limits: PrefixCacheLimits;
  /** Those that were used last are at the end. */
  readonly #entries = new Set<Entry>();

  /** @param model reads the prompts; dispose of nothing of it before {@linkcode PrefixCache.clear} */
  constructor(model: GPT2, limits: PrefixCacheLimits) {
    this.#model = model;
    this.#limits = limits;
  }

  /** How many texts are kept that nobody uses. */
  get numKept(): number {
    return this.#kept.length;
  }

  /** How many tokens they have. */
  get numKeptTokens(): number {
    return this.#kept.reduce((sum, { tokens }) => sum + tokens.length, 0);
  }

  get #kept(): Entry[] {
    return [...this.#entries].filter(({ isInUse }) => !isInUse);
  }

  /**
   * Reads a prompt, or as much of it as no other text has.
   *
   * @param tokens at least one
   * @returns what has to be given back with {@linkcode PrefixCache.giveBack}
   * @throws {NativeError} if there is not enough memory though nothing is kept any more
   * @throws {DOMException} `AbortError` (or the signal's own reason)
   */
  async read(tokens: readonly number[], options: ReadPromptOptions): Promise<ReadPrompt> {
    const { intervene, adapters, signal } = options;
    if (intervene !== undefined) {
      const text = await this.#model.open(tokens, { intervene, adapters: adapters?.list, signal });
      return { text, scores: [], numReused: 0 };
    }
    try {
      return await this.#read(tokens, this.#find(tokens, options), options);
    } catch (error) {
      if (!isAboutMemory(error) || this.numKept === 0) throw error;
      this.clear();
      return await this.#read(tokens, undefined, options);
    }
  }

  /** Takes note that a text is not used any more: it is kept, or forgotten. */
  giveBack(text: Text, { isKept }: { isKept: boolean }): void {
    const entry = [...this.#entries].find((entry) => entry.text === text);
    if (!isKept || entry === undefined) {
      if (entry !== undefined) this.#entries.delete(entry);
      return text[Symbol.dispose]();
    }
    entry.isInUse = false;
    entry.tokens = text.tokens;
    this.#entries.delete(entry);
    for (const other of this.#kept) if (isCovered(other, entry)) this.#forget(other);
    this.#entries.add(entry);
    this.#forgetOldest();
  }

  /** Forgets all texts that nobody uses. */
  clear(): void {
    for (const entry of this.#kept) this.#forget(entry);
  }

  async #read(
    tokens: readonly number[],
    match: Match | undefined,
    { numTop, adapters, signal }: ReadPromptOptions,
  ): Promise<ReadPrompt> {
    const { promise: whenRead, resolve, reject } = Promise.withResolvers<void>();
    whenRead.catch(() => {}); // Perhaps nobody waits for it.
    const about = { tokens, scores: [], numTop, adaptersKey: this.#keyOf(adapters) };
    const entry: Entry = { ...about, whenRead, isRead: false, isInUse: true };
    // At once: those that come now find it.
    this.#entries.add(entry);
    try {
      const begun = match && await this.#begin(match, signal);
      const text = entry.text = begun ??
        await this.#model.open(undefined, { adapters: adapters?.list });
      const numReused = begun === undefined ? 0 : match!.length;
      const rest = tokens.slice(numReused);
      if (numTop !== undefined) {
        const added = rest.length === 0
          ? []
          : await text.score(rest, { topLogProbabilities: numTop, signal });
        entry.scores = [...match?.entry.scores.slice(0, numReused) ?? [], ...added];
      } else if (rest.length > 0) {
        await text.append(rest, { signal });
      }
      entry.isRead = true;
      resolve();
      return { text, scores: entry.scores, numReused };
    } catch (error) {
      reject(error);
      this.#forget(entry);
      throw error;
    }
  }

  /** A text of only the tokens that match; nothing if that cannot be had. */
  async #begin({ entry, length }: Match, signal: AbortSignal): Promise<Text | undefined> {
    const numLost = entry.tokens.length - length;
    if (!entry.isInUse && numLost <= MAX_LOST) {
      this.#entries.delete(entry);
      entry.text!.truncate(length);
      return entry.text;
    }
    try {
      await orAborted(entry.whenRead, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      return undefined;
    }
    // It may be gone by now.
    if (!this.#entries.has(entry)) return undefined;
    const copy = entry.text!.fork();
    try {
      await shorten(copy, length, signal);
      return copy;
    } catch (error) {
      copy[Symbol.dispose]();
      if (signal.aborted) throw error;
      return undefined;
    }
  }

  /** The text that has the most of a prompt, if it is worth the while. */
  #find(
    tokens: readonly number[],
    { numTop, adapters }: ReadPromptOptions,
  ): Match | undefined {
    const key = this.#keyOf(adapters);
    let best: Match | undefined;
    for (const entry of this.#entries) {
      if (entry.adaptersKey !== key) continue;
      const length = usableLength(entry, tokens, numTop);
      // Of equal ones that which nobody uses, or else the latest.
      if (length < (best?.length ?? Math.min(MIN_LENGTH, tokens.length))) continue;
      if (length === best?.length && entry.isInUse) continue;
      if (length < COPY_COST * entry.tokens.length) continue;
      // Nobody waits long for little.
      if (!entry.isRead && 2 * length < entry.tokens.length) continue;
      best = { entry, length };
    }
    return best;
  }

  /** Of a request that does not say, those of all calls. */
  #keyOf(adapters: ChosenAdapters | undefined): string {
    return adapters?.key ?? `of the model: ${engineOf(this.#model)?.adapters?.id}`;
  }

  #forget(entry: Entry): void {
    this.#entries.delete(entry);
    entry.text?.[Symbol.dispose]();
  }

  #forgetOldest(): void {
    const { maxTexts, maxTokens } = this.#limits;
    for (const entry of this.#kept) {
      if (this.numKept <= maxTexts && this.numKeptTokens <= maxTokens) return;
      this.#forget(entry);
    }
  }
}

/** Forgets tokens of a copy. That of a text which is being read can be shortened only after that. */
async function shorten(copy: Text, length: number, signal: AbortSignal): Promise<void> {
  try {
    copy.truncate(length);
  } catch (error) {
    if (!(error instanceof Deno.errors.Busy)) throw error;
    await copy.append([], { signal });
    copy.truncate(length);
  }
}

/** How many tokens a text and a prompt begin with alike, as far as there are scores if these are wanted. */
function usableLength(
  entry: Entry,
  tokens: readonly number[],
  numTop: number | undefined,
): number {
  let most = Math.min(entry.tokens.length, tokens.length);
  if (numTop !== undefined) {
    const hasThem = entry.numTop !== undefined && entry.numTop >= numTop;
    // Those of a text that is being read will be there.
    most = hasThem ? Math.min(most, entry.isRead ? entry.scores.length : most) : 0;
  }
  let length = 0;
  while (length < most && entry.tokens[length] === tokens[length]) length++;
  return length;
}

/** Whether a text has nothing that another one does not have. */
function isCovered(entry: Entry, by: Entry): boolean {
  const { tokens, scores, numTop } = entry;
  return entry.adaptersKey === by.adaptersKey && tokens.length <= by.tokens.length &&
    scores.length <= by.scores.length &&
    (scores.length === 0 || numTop! <= by.numTop!) && tokens.every((id, i) => id === by.tokens[i]);
}
