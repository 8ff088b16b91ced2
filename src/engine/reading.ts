/**
 * What callers ask of the engine, and how far that is.
 *
 * @module
 */
import type { HookedText } from "./hooked_text.ts";
import type { LogitsSummary } from "./logits_summary.ts";
import type { Sequence } from "./sequence.ts";
import type { StepLogits } from "./step_graphs.ts";
import { type LogitsWanted, numLogitsOf, type Span } from "./step_pass.ts";
import type { Scoring } from "./target_scores.ts";

/** New tokens of one sequence. */
export interface StepRequest {
  /** What they continue. */
  readonly sequence: Sequence;
  /** At least one. */
  readonly tokens: ArrayLike<number>;
  /** After which of them logits are wanted. */
  readonly logits: LogitsWanted;
  /** Where `logits` is `"targets"`: what is to be scored. */
  readonly scoring?: Scoring;
  /** What is captured and changed while they are read. */
  readonly hooked?: HookedText;
  /** Where the logits go. Default: for `"last"` the sequence's own array, for `"all"` a new one. */
  readonly into?: Float32Array<ArrayBuffer>;
}

/** How far reading is, in tokens of all texts together. */
export interface ReadProgress {
  /** Those that are read. */
  readonly numReadTokens: number;
  /** Those to read. */
  readonly numTokens: number;
}

/** Options of {@linkcode Engine.step}. */
export interface StepOptions {
  /** Stops the computation; the sequences are then as long as before. */
  readonly signal?: AbortSignal;
  /** Called before each part of what is read, and at the end; not for a single token of each sequence. */
  readonly onProgress?: (progress: ReadProgress) => void;
  /**
   * How many of the largest logits are needed. The others may come as -Infinity then, which saves reading them; and
   * `Sequence.summaries` tells what is known of them, also if it is 0: then all are needed. Default: all, and nothing is told.
   */
  readonly numLargest?: number;
}

/** One call of `step()`. */
export interface Call extends StepOptions {
  readonly readings: Reading[];
  readonly numTokens: number;
  numRead: number;
  isBegun: boolean;
  isSettled: boolean;
  readonly promise: Promise<Float32Array<ArrayBuffer>[]>;
  readonly resolve: (logits: Float32Array<ArrayBuffer>[]) => void;
  readonly reject: (error: unknown) => void;
}

/** A request that is being worked on. */
export interface Reading extends StepRequest {
  readonly kind: "reading";
  readonly call: Call;
  /** How long the sequence was; not known before its turn has come. */
  start: number | undefined;
  numRead: number;
  /** (tokens vocab) or (vocab); allocated when its turn has come. */
  result: Float32Array<ArrayBuffer>;
  /** What is known of the logits that are wanted. */
  readonly summaries: (LogitsSummary | undefined)[];
}

/** A fork that is to be made. */
export interface Copying {
  readonly kind: "copying";
  readonly from: Sequence;
  /** How many tokens are copied; as many as there are then, if others are being read. */
  readonly length: number | undefined;
  readonly to: Sequence;
}

/** Work on what is remembered of a sequence. It rejects nothing: whoever asked for it hears of errors. */
export interface Access {
  readonly kind: "access";
  readonly sequence: Sequence;
  readonly run: () => Promise<void>;
}

/** What is to be done. */
export type Task = Reading | Copying | Access;

/** A part of a reading that is computed now. */
export interface Part extends Span {
  readonly reading: Reading;
}

/** The logits of nothing. */
const NOTHING = new Float32Array();

/** A call that asks for this. One that asks for nothing has got it already. */
export function newCall(
  requests: readonly StepRequest[],
  { signal, onProgress, numLargest }: StepOptions,
): Call {
  const numTokens = requests.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const call: Call = {
    signal,
    onProgress,
    numLargest,
    readings: [],
    numTokens,
    numRead: 0,
    isBegun: false,
    isSettled: false,
    ...Promise.withResolvers<Float32Array<ArrayBuffer>[]>(),
  };
  for (const request of requests) {
    call.readings.push({
      ...request,
      kind: "reading",
      call,
      // A copy: what the caller's array says later makes no difference.
      tokens: Array.prototype.slice.call(request.tokens),
      start: undefined,
      numRead: 0,
      result: NOTHING,
      summaries: [],
    });
  }
  if (numTokens === 0) proceed(call);
  return call;
}

/** How many tokens of a reading are still to be read. */
export function numLeft({ tokens, numRead }: Reading): number {
  return tokens.length - numRead;
}

/** The next tokens of a reading. */
export function partOf(reading: Reading, count: number): Part {
  const { tokens, sequence, numRead, logits, scoring, hooked } = reading;
  const end = numRead + count;
  return {
    reading,
    slot: sequence.slot!,
    start: reading.start! + numRead,
    tokens: Array.prototype.slice.call(tokens, numRead, end),
    logits: logits === "last" && end < tokens.length ? "none" : logits,
    targets: scoring?.targets.slice(numRead, end),
    endsReading: end === tokens.length,
    adapters: sequence.adapters,
    hooked,
  };
}

/** Reads the logits of a part, which begin at `index`. */
export function keepLogits(part: Part, computed: StepLogits, index: number): void {
  const { reading, tokens, logits } = part;
  const { sequence, numRead, scoring } = reading;
  const last = sequence.logits;
  if (logits === "targets") {
    const end = index + numLogitsOf(part);
    for (let i = index; i < end; i++) {
      scoring!.scores.push(computed.score(i, scoring!.numTop));
    }
  }
  if (logits === "last") {
    const summary = summaryFor(reading, computed, index);
    readOrFill(summary, last, computed, index, sequence.summary);
    sequence.summaries = [summary];
    reading.into?.set(last);
    reading.result = reading.into ?? last;
  }
  if (logits !== "all") return;
  const vocabSize = last.length;
  if (numRead === 0) {
    reading.result = reading.into ?? new Float32Array(reading.tokens.length * vocabSize);
  }
  for (let i = 0; i < tokens.length; i++) {
    const begin = (numRead + i) * vocabSize;
    const summary = summaryFor(reading, computed, index + i);
    reading.summaries.push(summary);
    const into = reading.result.subarray(begin, begin + vocabSize);
    readOrFill(summary, into, computed, index + i);
  }
  if (numRead + tokens.length === reading.tokens.length) {
    last.set(reading.result.subarray(-vocabSize));
    sequence.summaries = reading.summaries;
  }
}

/** With how many of the likeliest tokens targets are scored; nothing where none are. */
export function numTopOf(parts: readonly Part[]): number | undefined {
  const counts = parts.flatMap(({ reading }) => reading.scoring?.numTop ?? []);
  return counts.length > 0 ? Math.max(...counts) : undefined;
}

/** What is told of logits: as much as was asked for. */
function summaryFor(
  { call: { numLargest } }: Reading,
  computed: StepLogits,
  index: number,
): LogitsSummary | undefined {
  if (numLargest === undefined) return undefined;
  const summary = computed.summary(index);
  return numLargest > 0 ? summary : summary && { ...summary, largest: undefined };
}

/** Gets the logits at `index`: all of them, or the largest where these are enough. */
function readOrFill(
  summary: LogitsSummary | undefined,
  into: Float32Array<ArrayBuffer>,
  computed: StepLogits,
  index: number,
  /** What is known of those that are in the array. */
  before?: LogitsSummary,
): void {
  if (summary?.largest === undefined) return computed.read(index, into);
  // All others are -Infinity already where only some were read the last time.
  if (before?.largest === undefined) into.fill(-Infinity);
  else for (const id of before.largest.ids) into[id] = -Infinity;
  const { ids, logits } = summary.largest;
  for (let i = 0; i < ids.length; i++) into[ids[i]] = logits[i];
}

/** The calls that parts belong to, each once. */
export function callsOf(parts: readonly Part[]): Call[] {
  const calls: Call[] = [];
  for (const { reading: { call } } of parts) {
    if (!calls.includes(call)) calls.push(call);
  }
  return calls;
}

/** How many of the largest logits have to be found for calls that are computed together; nothing if none asks for that. */
export function mostLargest(calls: readonly Call[]): number | undefined {
  let most: number | undefined;
  for (const { numLargest } of calls) {
    if (numLargest !== undefined) most = Math.max(most ?? 0, numLargest);
  }
  return most;
}

/** Tells how far a call is, and gives it what it waits for when all is there. */
export function proceed(call: Call): void {
  report(call);
  if (call.numRead < call.numTokens) return;
  call.isSettled = true;
  call.resolve(call.readings.map(({ result }) => result));
}

/** Tells how far a call is, unless it writes single tokens. */
export function report({ onProgress, numRead, numTokens, readings }: Call): void {
  if (numTokens > readings.length) onProgress?.({ numReadTokens: numRead, numTokens });
}
