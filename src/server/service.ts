/**
 * What the endpoints share.
 *
 * @module
 */
import type { GPT2 } from "../gpt2.ts";
import type { Engine } from "../engine/engine.ts";
import type { Admission } from "./admission.ts";
import type { Bodies } from "./bodies.ts";
import type { CompletionUsage } from "./completions/usage.ts";
import type { Metrics } from "./metrics.ts";
import type { PrefixCache } from "./prefix_cache.ts";
import type { ModelNames } from "./adapters.ts";
import type { SteeringVector } from "./steering.ts";

/** A model, and who uses it. */
export interface Service extends ModelNames {
  readonly model: GPT2;
  /** Which special tokens in the texts of prompts are read as such. */
  readonly allowSpecial: "all" | undefined;
  /** What computes for it. */
  readonly engine: Engine;
  /** Seconds since 1970. */
  readonly startedAt: number;
  /** The most texts at a time. */
  readonly maxTexts: number;
  /** Vectors that may be asked for, by name. */
  readonly steering: ReadonlyMap<string, SteeringVector>;
  readonly admission: Admission;
  readonly bodies: Bodies;
  readonly prefixes: PrefixCache;
  readonly metrics: Metrics;
}

/** A request that is being answered. */
export interface Exchange {
  readonly request: Request;
  /** Of its target: `/v1/models`. */
  readonly path: string;
  readonly service: Service;
  /** Aborted when the client goes away, or the server cannot wait any longer. */
  readonly signal: AbortSignal;
  /** When it came, as `performance.now()` tells. */
  readonly beganAt: number;
  /** A name for the request, which its answer has as a header. */
  readonly id: string;
  /** What it has taken so far. */
  readonly usage: CompletionUsage;
  /** Tells whoever serves what went wrong after the answer had begun, unless it is the client's fault. */
  report(error: unknown): void;
  /** Ends the work for it. */
  abort(reason: unknown): void;
  /** Ends the work for it because its client has gone, or reads no further. */
  leave(reason: unknown): void;
  /** Has the request count as running until the promise is settled, though there is an answer. */
  until(promise: Promise<unknown>): void;
}

/** Answers a request. What it throws becomes an answer too. */
export type Endpoint = (exchange: Exchange) => Response | Promise<Response>;
