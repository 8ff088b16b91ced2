/**
 * What is known of a request when its answer is complete.
 *
 * @module
 */
import { type CompletionUsage, noUsage } from "./completions/usage.ts";

/** A request that has been answered, for a log. */
export interface RequestRecord {
  /** Its name, which the answer has as the header `x-request-id`. */
  readonly id: string;
  /** When it came. */
  readonly begin: Date;
  /** `GET`, `POST` and so on, whatever the client sent. */
  readonly method: string;
  /** The path of its address, without what follows a question mark; whatever the client sent. */
  readonly path: string;
  /** Of the answer; 499 if the client has gone before that. */
  readonly status: number;
  /** From the request to the last byte of its answer. */
  readonly elapsedMs: number;
  /** Whether the answer was cut off: the client went away, or the server ended. */
  readonly isCutOff: boolean;
  /** Tokens of its prompts, each counted once. */
  readonly numPromptTokens: number;
  /** How many of them need not be read: another text that began alike was remembered. */
  readonly numReusedTokens: number;
  /** How many were written. */
  readonly numWrittenTokens: number;
}

/** Keeps what is to be told of a request. */
export class RequestNotes {
  /** The name of the request. */
  readonly id: string = crypto.randomUUID();
  /** When it came, as `performance.now()` tells. */
  readonly beganAt: number = performance.now();
  /** What it has taken so far. */
  readonly usage: CompletionUsage = noUsage();
  /** What its answer goes on for. */
  readonly ends: Promise<unknown>[] = [];
  /** Whether what it asks for was ended before it was done. */
  isCutOff = false;
  readonly #begin = new Date();

  /** @param path see {@linkcode RequestRecord.path} */
  constructor(readonly method: string, readonly path: string) {}

  /** What there is to tell, when the answer is complete. */
  record(status: number): RequestRecord {
    return {
      id: this.id,
      begin: this.#begin,
      method: this.method,
      path: this.path,
      status,
      elapsedMs: performance.now() - this.beganAt,
      isCutOff: this.isCutOff,
      ...this.usage,
    };
  }
}
