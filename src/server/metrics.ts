/**
 * What the server counts and measures, as Prometheus reads it.
 *
 * @module
 */
import { Histogram } from "./histogram.ts";

/** The state of the server, when somebody asks. */
export interface Gauges {
  readonly numWaiting: number;
  readonly numTexts: number;
  readonly maxTexts: number;
  readonly numKept: number;
  readonly numKeptTokens: number;
  /** Bytes of keys and values of those. */
  readonly keptBytes: number;
  /** Slots of the cache of keys and values, those that are used, and its bytes. */
  readonly numSlots: number;
  readonly numUsedSlots: number;
  readonly cacheBytes: number;
}

/** Numbers of tokens. */
export interface TokenCounts {
  /** That the model has read. */
  read: number;
  /** That it need not read: another text that began alike was remembered. */
  reused: number;
  /** That were written. */
  written: number;
}

const MILLISECOND = 1 / 1000;

/** Counts. */
export class Metrics {
  /** Seconds from a request to its first token, and from each token to the next. */
  readonly timeToFirstToken = new Histogram(0.001, 2, 18);
  readonly timePerToken = new Histogram(0.0005, 2, 16);
  /** Seconds from a client going away to the end of all that was done for it. */
  readonly cancelTime = new Histogram(0.001, 2, 14);
  readonly tokens: TokenCounts = { read: 0, reused: 0, written: 0 };
  readonly #requests = new Map<string, number>();

  /** Counts an answer. */
  countRequest(endpoint: string, status: number): void {
    const labels = `endpoint="${endpoint}",status="${status}"`;
    this.#requests.set(labels, (this.#requests.get(labels) ?? 0) + 1);
  }

  /** Takes note of when tokens came. */
  observeFirstToken(elapsedMs: number): void {
    this.timeToFirstToken.observe(elapsedMs * MILLISECOND);
  }

  /** Takes note of how long a token took. */
  observeToken(elapsedMs: number): void {
    this.timePerToken.observe(elapsedMs * MILLISECOND);
  }

  /** All of it in Prometheus' text format. */
  text(gauges: Gauges): string {
    const { tokens } = this;
    return [
      ...family("gpt2_requests_total", "counter", "Answers, by endpoint and status."),
      ...Array.from(this.#requests, ([labels, count]) => `gpt2_requests_total{${labels}} ${count}`),
      ...single("gpt2_requests_waiting", "gauge", "Requests in the queue.", gauges.numWaiting),
      ...single("gpt2_texts_running", "gauge", "Texts that are being written.", gauges.numTexts),
      ...single("gpt2_texts_max", "gauge", "The most of them at a time.", gauges.maxTexts),
      ...single("gpt2_texts_kept", "gauge", "Texts kept for prompts to come.", gauges.numKept),
      ...single("gpt2_kept_tokens", "gauge", "Tokens of those.", gauges.numKeptTokens),
      ...single("gpt2_kept_bytes", "gauge", "Keys and values of those.", gauges.keptBytes),
      ...single("gpt2_cache_slots", "gauge", "Texts that have room.", gauges.numSlots),
      ...single("gpt2_cache_slots_used", "gauge", "Texts that are there.", gauges.numUsedSlots),
      ...single("gpt2_cache_bytes", "gauge", "Keys and values, used or not.", gauges.cacheBytes),
      ...single("gpt2_tokens_read_total", "counter", "Tokens of prompts read.", tokens.read),
      ...single(
        "gpt2_tokens_reused_total",
        "counter",
        "Tokens of prompts that were remembered.",
        tokens.reused,
      ),
      ...single("gpt2_tokens_written_total", "counter", "Tokens written.", tokens.written),
      ...this.timeToFirstToken.lines(
        "gpt2_time_to_first_token_seconds",
        "From a request to its first token.",
      ),
      ...this.timePerToken.lines("gpt2_time_per_token_seconds", "From a token to the next one."),
      ...this.cancelTime.lines(
        "gpt2_cancel_seconds",
        "From a client going away to the end of all that was done for it.",
      ),
      ...single(
        "process_resident_memory_bytes",
        "gauge",
        "Memory of the process.",
        Deno.memoryUsage().rss,
      ),
      "",
    ].join("\n");
  }
}

function family(name: string, type: string, help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}

function single(name: string, type: string, help: string, value: number): string[] {
  return [...family(name, type, help), `${name} ${value}`];
}
