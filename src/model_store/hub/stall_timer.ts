/**
 * When a request takes too long, and what its failures mean.
 *
 * @module
 */
import { certificateAdvice } from "../../base/certificate_advice.ts";
import { HubError } from "../../base/errors.ts";
import { quote } from "../../base/describe.ts";
import { UnreachableError } from "./retries.ts";

/** What to do when no bytes come. */
interface StallAdvice {
  readonly slow: string;
  readonly failed: string;
}

const HUB_ADVICE: StallAdvice = {
  slow: "Try again later, or set HF_HUB_ETAG_TIMEOUT and HF_HUB_DOWNLOAD_TIMEOUT to more seconds.",
  failed: "Check the network; HF_ENDPOINT says where the hub is.",
};

/** Stops a request when the user asks for it, or when nothing has happened for a while. */
export class StallTimer implements Disposable {
  /** What stops the request. */
  readonly signal: AbortSignal;
  readonly #url: URL;
  readonly #timeoutMs: number;
  readonly #userSignal: AbortSignal | undefined;
  readonly #advice: StallAdvice;
  readonly #stall = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Starts to run at once. */
  constructor(
    url: URL,
    timeoutMs: number,
    signal: AbortSignal | undefined,
    advice: StallAdvice = HUB_ADVICE,
  ) {
    this.#advice = advice;
    this.#url = url;
    this.#timeoutMs = timeoutMs;
    this.#userSignal = signal;
    this.signal = signal ? AbortSignal.any([signal, this.#stall.signal]) : this.#stall.signal;
    this.restart();
  }

  /** Something has happened: the time begins anew. */
  restart(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#stall.abort(), this.#timeoutMs);
  }

  /** What happens now takes as long as it takes: it is not the hub that is slow. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  /** What an error of a request means, in the classes and words of this package. */
  explain(error: unknown): unknown {
    if (this.#userSignal?.aborted) return this.#userSignal.reason;
    // A missing --allow-net is about this process: Deno's own message names the flag.
    if (error instanceof Deno.errors.NotCapable || error instanceof HubError) return error;
    const from = `Cannot download from ${place(this.#url)}`;
    if (this.#stall.signal.aborted) {
      return new UnreachableError(
        `${from}: nothing came for ${this.#timeoutMs / 1000} s: received a timeout. ` +
          this.#advice.slow,
      );
    }
    const reason = reasonOf(error);
    const advice = certificateAdvice(reason);
    if (advice !== undefined) {
      // Trying again would change nothing.
      return new HubError(
        `${from}: its certificate is not trusted: received ${quote(reason)}. ${advice}`,
        { cause: error },
      );
    }
    return new UnreachableError(
      `${from}: the connection failed: received ${quote(reason)}. ` +
        this.#advice.failed,
      { cause: error },
    );
  }

  /** Stops the clock. */
  [Symbol.dispose](): void {
    this.stop();
  }
}

/** Why a request failed. Deno says no more than "fetch failed" itself, and names in its cause the whole URL. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof Error) return reasonOf(error.cause);
  return error.message.replace(/ for url \(\S*\)/, "");
}

/** A URL without what may be secret in it: signatures are in the query. */
export function place({ origin, pathname }: URL): string {
  return quote(origin + pathname);
}
