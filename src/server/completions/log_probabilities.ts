/**
 * Log-probabilities as OpenAI's completions have them.
 *
 * @module
 */
import type { TokenLogProbability } from "../../engine/target_scores.ts";
import { StreamDecoder } from "../../tokenizer/stream_decoder.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";

/** Four arrays with an element for each token. */
export interface LegacyLogProbabilities {
  readonly tokens: string[];
  /** Nothing is known of the first token of a text. */
  readonly token_logprobs: (number | null)[];
  /** The likeliest tokens in its place, and itself; nothing if none were asked for. */
  readonly top_logprobs: (Record<string, number> | null)[] | null;
  /** Where each token begins, in characters as Python counts them (code points). */
  readonly text_offset: number[];
  /** The ids of those that `top_logprobs` names, by the same names. Only where ids were asked for. */
  readonly top_token_ids?: (Record<string, number> | null)[] | null;
}

/** What JSON has no word for: OpenAI writes this. */
const IMPOSSIBLE = -9999;

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const textsOf = new WeakMap<Tokenizer, Map<number, string>>();

/**
 * A token as a text. One that is not whole characters is written as its bytes, `bytes:\xe2\x80`, as OpenAI did: so no two tokens
 * are the same text.
 */
export function tokenText(tokenizer: Tokenizer, id: number): string {
  if (id >= tokenizer.vocabSize) return `token:${id}`;
  let texts = textsOf.get(tokenizer);
  if (texts === undefined) textsOf.set(tokenizer, texts = new Map());
  let text = texts.get(id);
  if (text === undefined) texts.set(id, text = textOf(tokenizer.tokenBytes(id)));
  return text;
}

function textOf(bytes: Uint8Array<ArrayBuffer>): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    const escapes = Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, "0")}`);
    return `bytes:${escapes.join("")}`;
  }
}

/** Follows a text, and writes down what is known of its tokens. */
export class LogProbabilityWriter {
  readonly #tokenizer: Tokenizer;
  readonly #numTop: number;
  readonly #withTokenIds: boolean;
  readonly #decoder: StreamDecoder;
  #offset = 0;
  #written: LegacyLogProbabilities;

  /**
   * @param numTop how many of the likeliest tokens there are beside each
   * @param options `withTokenIds`: whether the ids of those are written down as well
   */
  constructor(tokenizer: Tokenizer, numTop: number, { withTokenIds = false } = {}) {
    this.#tokenizer = tokenizer;
    this.#numTop = numTop;
    this.#withTokenIds = withTokenIds;
    this.#decoder = new StreamDecoder(tokenizer);
    this.#written = this.#nothing();
  }

  /** Writes a token down. That which ends a text is the last one: that the text has not got it makes no difference. */
  add(
    { id, logProbability, topLogProbabilities = [] }: TokenLogProbability & {
      readonly topLogProbabilities?: readonly TokenLogProbability[];
    },
  ): void {
    const { tokens, token_logprobs, top_logprobs, text_offset, top_token_ids } = this.#written;
    tokens.push(tokenText(this.#tokenizer, id));
    text_offset.push(this.#offset);
    const isKnown = !Number.isNaN(logProbability);
    token_logprobs.push(isKnown ? jsonLogProbability({ id, logProbability }) : null);
    const top = isKnown ? this.#top({ id, logProbability }, topLogProbabilities) : undefined;
    top_logprobs?.push(top === undefined ? null : this.#byText(top, jsonLogProbability));
    top_token_ids?.push(top === undefined ? null : this.#byText(top, ({ id }) => id));
    for (const _character of this.#decoder.push(id)) this.#offset++;
  }

  /** What was written down since the last time. */
  take(): LegacyLogProbabilities {
    const written = this.#written;
    this.#written = this.#nothing();
    return written;
  }

  #nothing(): LegacyLogProbabilities {
    return {
      tokens: [],
      token_logprobs: [],
      top_logprobs: this.#numTop > 0 ? [] : null,
      text_offset: [],
      ...this.#withTokenIds && { top_token_ids: this.#numTop > 0 ? [] : null },
    };
  }

  /** The token itself is among them, with the very same number, though it may not be one of the likeliest. */
  #top(
    token: TokenLogProbability,
    likeliest: readonly TokenLogProbability[],
  ): TokenLogProbability[] {
    const top = likeliest.slice(0, this.#numTop);
    if (!top.some(({ id }) => id === token.id)) top.push(token);
    return top;
  }

  #byText(
    tokens: readonly TokenLogProbability[],
    valueOf: (token: TokenLogProbability) => number,
  ): Record<string, number> {
    return Object.fromEntries(
      tokens.map((token) => [tokenText(this.#tokenizer, token.id), valueOf(token)] as const),
    );
  }
}

function jsonLogProbability({ logProbability }: TokenLogProbability): number {
  return logProbability === -Infinity ? IMPOSSIBLE : logProbability;
}
