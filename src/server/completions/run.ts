/**
 * Writes what a completion request asks for.
 *
 * @module
 */
import { onAbort } from "../../base/abort.ts";
import type { TokenScore } from "../../engine/target_scores.ts";
import type { GeneratedToken } from "../../generation/generated_token.ts";
import type { Text } from "../../generation/text.ts";
import { NumericalError } from "../../base/errors.ts";
import { ApiError, isAboutMemory } from "../api_error.ts";
import { fieldName } from "../field_names.ts";
import type { Exchange } from "../service.ts";
import type { CompletionUsage } from "./usage.ts";
import { CompletionSpan } from "../telemetry.ts";
import { prepareConstraint } from "./constraint_fields.ts";
import type { CompletionRequest } from "./request.ts";

/** Something that is to be told of a choice: the prompt, which comes first if it is wanted, or the next token. */
export type CompletionEvent =
  | {
    readonly kind: "prompt";
    readonly choice: number;
    readonly tokens: readonly number[];
    readonly scores: readonly TokenScore[];
    /** Whether nothing follows. */
    readonly isEnd: boolean;
  }
  | { readonly kind: "token"; readonly choice: number; readonly token: GeneratedToken };

/**
 * Writes.
 *
 * @param onEvent is called with what comes, in each choice in order
 * @throws {ApiError} 503 if too many wait
 * @throws {RangeError}, and others, as `Text.generate()` does
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function runCompletion(
  exchange: Exchange,
  request: CompletionRequest,
  onEvent: (event: CompletionEvent) => void,
): Promise<CompletionUsage> {
  const { service: { admission }, usage } = exchange;
  // What goes wrong with one prompt ends the others.
  const stop = new AbortController();
  exchange.signal.throwIfAborted();
  using _listener = onAbort(exchange.signal, () => stop.abort(exchange.signal.reason));
  const { signal } = stop;
  const tasks: Promise<void>[] = [];
  const span = new CompletionSpan(exchange.service.modelName, exchange.id);
  try {
    for (const index of request.prompts.keys()) {
      const places = await admission.acquire(request.bestOf, { isFirst: index === 0, signal });
      const prompt = new PromptRun(exchange, request, { index, signal, onEvent });
      const task = prompt.run().finally(() => places[Symbol.dispose]());
      task.catch((error) => stop.abort(error));
      tasks.push(task);
    }
    await Promise.all(tasks);
    span.end(usage);
    return usage;
  } catch (error) {
    span.fail(error);
    stop.abort(error);
    await Promise.allSettled(tasks);
    throw error;
  }
}

/** What the continuations of one prompt have in common. */
interface PromptRunSettings {
  /** Which prompt. */
  readonly index: number;
  readonly signal: AbortSignal;
  readonly onEvent: (event: CompletionEvent) => void;
}

/** Writes the continuations of one prompt. */
class PromptRun {
  readonly #exchange: Exchange;
  readonly #request: CompletionRequest;
  readonly #settings: PromptRunSettings;
  readonly #tokens: readonly number[];

  constructor(exchange: Exchange, request: CompletionRequest, settings: PromptRunSettings) {
    this.#exchange = exchange;
    this.#request = request;
    this.#settings = settings;
    this.#tokens = request.prompts[settings.index];
  }

  /** The prompt is read once, however many continuations it gets. */
  async run(): Promise<void> {
    const { service: { model, prefixes, metrics }, usage } = this.#exchange;
    const { signal } = this.#settings;
    const { echo, numTop, bestOf, adapters, constraint, options } = this.#request;
    const { intervene, ignoreEndOfText } = options;
    if (constraint !== undefined) {
      await prepareConstraint(
        constraint,
        model.tokenizer,
        ignoreEndOfText ? [] : model.endOfTextIds,
        signal,
      );
    }
    const { text, scores, numReused } = await prefixes.read(this.#tokens, {
      numTop: echo ? numTop : undefined,
      intervene,
      adapters,
      signal,
    });
    let isKept = false;
    try {
      usage.numPromptTokens += this.#tokens.length;
      usage.numReusedTokens += numReused;
      metrics.tokens.reused += numReused;
      metrics.tokens.read += this.#tokens.length - numReused;
      using forks = new DisposableStack();
      const others = Array.from({ length: bestOf - 1 }, () => forks.use(text.fork()));
      await this.#writeAll([text, ...others], scores);
      isKept = true;
    } catch (error) {
      // The next one has more room then.
      if (isAboutMemory(error)) prefixes.clear();
      throw nothingAllowed(error, this.#request.options) ?? error;
    } finally {
      prefixes.giveBack(text, { isKept });
    }
  }

  async #writeAll(texts: readonly Text[], scores: readonly TokenScore[]): Promise<void> {
    const { numChoices, bestOf } = this.#request;
    if (bestOf === numChoices) {
      await Promise.all(texts.map(async (text, i) => {
        this.#tellPrompt(i, scores);
        await this.#write(text, i, (token) => this.#tell(i, token));
      }));
      return;
    }
    const candidates: GeneratedToken[][] = texts.map(() => []);
    await Promise.all(
      texts.map((text, i) => this.#write(text, i, (token) => candidates[i].push(token))),
    );
    const best = candidates.sort((a, b) => meanLogProbability(b) - meanLogProbability(a));
    for (const [i, tokens] of best.slice(0, numChoices).entries()) {
      this.#tellPrompt(i, scores);
      for (const token of tokens) this.#tell(i, token);
    }
  }

  async #write(text: Text, i: number, onToken: (token: GeneratedToken) => void): Promise<void> {
    const { service: { model, metrics }, beganAt, usage } = this.#exchange;
    const { index, signal } = this.#settings;
    const { maxTokens, options, seed, firstStreams, numTop, bestOf, numChoices } = this.#request;
    const room = model.config.contextLength - this.#tokens.length;
    const maxNewTokens = Math.min(maxTokens, room);
    if (maxNewTokens === 0) return;
    let before: number | undefined;
    const generated = text.generate({
      ...options,
      maxNewTokens,
      logProbabilities: numTop !== undefined || bestOf > numChoices,
      seed: laterSeed(seed, firstStreams[index] + i),
      signal,
    });
    for await (const token of generated) {
      const now = performance.now();
      if (before === undefined) metrics.observeFirstToken(now - beganAt);
      else metrics.observeToken(now - before);
      before = now;
      metrics.tokens.written++;
      usage.numWrittenTokens++;
      onToken(token);
    }
  }

  #tellPrompt(i: number, scores: readonly TokenScore[]): void {
    const { echo, maxTokens } = this.#request;
    const isEnd = maxTokens === 0;
    if (!echo && !isEnd) return;
    const tokens = echo ? this.#tokens : [];
    this.#settings.onEvent({ kind: "prompt", choice: this.#choice(i), tokens, scores, isEnd });
  }

  #tell(i: number, token: GeneratedToken): void {
    this.#settings.onEvent({ kind: "token", choice: this.#choice(i), token });
  }

  #choice(i: number): number {
    return this.#settings.index * this.#request.numChoices + i;
  }
}

function meanLogProbability(tokens: readonly GeneratedToken[]): number {
  return tokens.reduce((sum, { logProbability }) => sum + logProbability, 0) / tokens.length;
}

/** A seed so many after another one: those behind the largest begin anew, exactly, so that no two of them are the same. */
function laterSeed(seed: number, count: number): number {
  const numLeft = Number.MAX_SAFE_INTEGER - seed;
  return count <= numLeft ? seed + count : count - numLeft - 1;
}

/** Options that forbid tokens, and those that forbid all but some. */
const BANS = [
  "noRepeatNgramSize",
  "badWords",
  "suppressTokens",
  "logitBias",
  "minNewTokens",
  "ignoreEndOfText",
] as const;
const CONSTRAINTS = ["regex", "jsonSchema", "choices"] as const;

/** What to say when no token was left that may come next: that is the fault of the request, if it forbids any. */
function nothingAllowed(error: unknown, options: CompletionRequest["options"]) {
  if (!(error instanceof NumericalError && /none has a probability above 0/.test(error.message))) {
    return undefined;
  }
  const given = [...BANS, ...CONSTRAINTS].filter((name) => options[name]).map(fieldName);
  if (given.length === 0) return undefined;
  return new ApiError(
    400,
    `A text cannot go on: ${given.join(" and ")} ${
      given.length === 1 ? "forbids" : "together forbid"
    } every token in its next place. Loosen ${given.length === 1 ? "it" : "one of them"}.`,
    { param: given[0], code: "no_token_allowed", cause: error },
  );
}
