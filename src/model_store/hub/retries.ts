/**
 * When to try again, and when to give up.
 *
 * @module
 */
import { HubError } from "../../base/errors.ts";
import { pause } from "../../base/abort.ts";

const MAX_RETRIES = 4;
/** Whoever asks to wait longer than this is not waited for. */
const MAX_WAIT_MS = 60_000;

/** A failure that may not happen again. */
export class TransientError extends HubError {
  /** How long the server asks to wait. */
  readonly retryAfterMs?: number;

  /** As {@linkcode HubError}, with how long to wait. */
  constructor(
    message: string,
    options: ErrorOptions & { status?: number; retryAfterMs?: number } = {},
  ) {
    super(message, options);
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** No answer came: the network is down, or the hub is. */
export class UnreachableError extends TransientError {}

/** Counts failures. */
export class Retries {
  readonly #delayMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #onRetry: ((failure: TransientError) => void) | undefined;
  #numFailures = 0;

  /**
   * @param delayMs the first pause; each is twice as long as the one before
   * @param onRetry called before each pause
   */
  constructor(
    delayMs: number,
    signal: AbortSignal | undefined,
    onRetry?: (failure: TransientError) => void,
  ) {
    this.#delayMs = delayMs;
    this.#signal = signal;
    this.#onRetry = onRetry;
  }

  /**
   * Waits before another try.
   *
   * @throws what it was given, if it may not be tried again, or was often enough, or the server asks for too long a pause
   */
  async waitAfter(error: unknown): Promise<void> {
    this.#signal?.throwIfAborted();
    if (!(error instanceof TransientError) || this.#numFailures === MAX_RETRIES) throw error;
    const ownMs = this.#delayMs * 2 ** this.#numFailures++;
    const waitMs = Math.max(ownMs, error.retryAfterMs ?? 0);
    if (waitMs > MAX_WAIT_MS) throw error;
    this.#onRetry?.(error);
    await pause(waitMs, this.#signal);
  }

  /** There was progress: earlier failures do not count any more. */
  reset(): void {
    this.#numFailures = 0;
  }
}
