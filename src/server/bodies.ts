/**
 * Bodies of requests that are on their way: they take places, and may never arrive.
 *
 * @module
 */
import { ApiError } from "./api_error.ts";
import { BODY_GRACE_MS } from "./limits.ts";

/** A body that is on its way. */
interface ArrivingBody {
  readonly beganAt: number;
  stop(error: unknown): void;
}

/** Keeps an eye on all of them. */
export class Bodies {
  /** Those that began first come first. */
  readonly #arriving = new Set<ArrivingBody>();

  /**
   * Takes note of a body.
   *
   * @param stop ends its request with an error
   * @param now as `performance.now()` tells
   * @returns what is disposed of when it has arrived
   */
  add(stop: (error: unknown) => void, now: number = performance.now()): Disposable {
    const body: ArrivingBody = { beganAt: now, stop };
    this.#arriving.add(body);
    return { [Symbol.dispose]: () => void this.#arriving.delete(body) };
  }

  /**
   * Ends the request whose body has been on its way for the longest, for the sake of one that has none. Nobody loses
   * a body that has just begun.
   *
   * @param now as `performance.now()` tells
   * @returns whether there was one
   */
  endSlowest(now: number = performance.now()): boolean {
    const [slowest] = this.#arriving;
    if (slowest === undefined || now - slowest.beganAt < BODY_GRACE_MS) return false;
    this.#arriving.delete(slowest);
    slowest.stop(
      new ApiError(
        408,
        "The body was on its way for too long, and others wait. Send it in one piece.",
      ),
    );
    return true;
  }
}
