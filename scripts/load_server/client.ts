/**
 * One of many clients.
 *
 * @module
 */
import type { Samples } from "./samples.ts";

/** How clients behave. Most of them well. */
export const KINDS = [
  "whole",
  "stream",
  "stream",
  "cancel",
  "whole",
  "stream",
  "vanish",
  "cancel",
  "garbage",
  "slow",
  "cut",
] as const;

interface ClientOptions {
  readonly kind: (typeof KINDS)[number];
  readonly seed: number;
  readonly samples: Samples;
}

const HEADERS = { "content-type": "application/json" };
/** How long a client waits that was refused: not what it was told, or little would happen. */
const RETRY_MS = 100;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Asks again and again. */
export class Client {
  readonly #url: string;
  readonly #kind: ClientOptions["kind"];
  readonly #samples: Samples;
  #numAsked: number;

  /** @param url of the server */
  constructor(url: string, { kind, seed, samples }: ClientOptions) {
    this.#url = url;
    this.#kind = kind;
    this.#samples = samples;
    this.#numAsked = 1000 * seed;
  }

  /** Asks until then. */
  async runUntil(end: number): Promise<void> {
    while (performance.now() < end) await this[this.#kind]();
  }

  #body(stream: boolean): Record<string, unknown> {
    const seed = this.#numAsked++;
    const speakers = ["ROMEO:", "JULIET:\nWhat is", "KING RICHARD:\nNow is the winter of"];
    const max_tokens = 8 + seed % 120;
    const echo = seed % 7 === 0 && { echo: true, logprobs: 1 };
    return {
      prompt: speakers[seed % 3].repeat(1 + seed % 5),
      max_tokens,
      seed,
      stream,
      ignore_eos: true,
      ...echo,
    };
  }

  async #ask(body: Record<string, unknown>, signal?: AbortSignal): Promise<Response | undefined> {
    const begin = performance.now();
    const request = { method: "POST", headers: HEADERS, body: JSON.stringify(body), signal };
    const response = await fetch(`${this.#url}/v1/completions`, request);
    if (response.status !== 503) return response;
    await response.body?.cancel();
    this.#samples.time("reject", performance.now() - begin);
    this.#samples.counts.rejected++;
    await pause(RETRY_MS);
    return undefined;
  }

  /** Wants a whole answer. */
  async whole(): Promise<void> {
    const body = this.#body(false);
    const begin = performance.now();
    const response = await this.#ask(body);
    if (response === undefined) return;
    const { usage } = await response.json();
    this.#count(usage?.completion_tokens === body.max_tokens, begin);
  }

  /** Wants a stream, up to its end. */
  async stream(): Promise<void> {
    const body = { ...this.#body(true), stream_options: { include_usage: true } };
    const begin = performance.now();
    const response = await this.#ask(body);
    if (response === undefined) return;
    const text = await response.text();
    const [, numTokens] = /"completion_tokens":(\d+)/.exec(text) ?? [];
    this.#count(
      text.endsWith("data: [DONE]\n\n") &&
        Number(numTokens) === (body as { max_tokens?: number }).max_tokens,
      begin,
    );
  }

  /** Stops a long stream. How long the server goes on, its metrics tell. */
  async cancel(): Promise<void> {
    const stop = new AbortController();
    const response = await this.#ask({ ...this.#body(true), max_tokens: 200 }, stop.signal);
    if (response === undefined) return;
    const reader = response.body!.getReader();
    await reader.read();
    stop.abort();
    await reader.closed.catch(() => {});
    this.#samples.counts.cancelled++;
  }

  /** Goes away without a word, before there is an answer. */
  async vanish(): Promise<void> {
    const gone = new AbortController();
    const timer = setTimeout(() => gone.abort(), 5 + this.#numAsked % 40);
    try {
      await (await this.#ask({ ...this.#body(false), n: 2 }, gone.signal))?.text();
    } catch {
      this.#samples.counts.broken++;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends what makes no sense. */
  async garbage(): Promise<void> {
    const bytes = crypto.getRandomValues(new Uint8Array(500));
    const head = this.#numAsked++ % 2 === 0
      ? ""
      : "POST /v1/completions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n";
    await this.#send([new TextEncoder().encode(head), bytes], 0);
  }

  /** Sends a body byte by byte. */
  async slow(): Promise<void> {
    const body = new TextEncoder().encode(JSON.stringify(this.#body(false)));
    await this.#send(
      [this.#head(body.length), ...Array.from(body, (byte) => Uint8Array.of(byte))],
      10,
    );
  }

  /** Sends half a body. */
  async cut(): Promise<void> {
    const body = new TextEncoder().encode(JSON.stringify(this.#body(false)));
    await this.#send([this.#head(body.length), body.subarray(0, body.length / 2)], 0);
  }

  #head(length: number): Uint8Array {
    return new TextEncoder().encode(
      "POST /v1/completions HTTP/1.1\r\nhost: a\r\nconnection: close\r\n" +
        `content-type: application/json\r\ncontent-length: ${length}\r\n\r\n`,
    );
  }

  async #send(parts: readonly Uint8Array[], gapMs: number): Promise<void> {
    const { hostname, port } = new URL(this.#url);
    using connection = await Deno.connect({ hostname, port: Number(port) });
    try {
      for (const part of parts) {
        await connection.write(part);
        if (gapMs > 0) await pause(gapMs);
      }
      if (gapMs === 0) await connection.closeWrite();
      await connection.read(new Uint8Array(4096));
    } catch {
      // The server may close the connection.
    }
    this.#samples.counts.broken++;
    await pause(RETRY_MS);
  }

  #count(isComplete: boolean, begin: number): void {
    this.#samples.counts[isComplete ? "completed" : "lost"]++;
    this.#samples.time("complete", performance.now() - begin);
  }
}
