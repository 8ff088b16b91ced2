/**
 * The body of a request, received with care: not more than there may be, and not for longer.
 *
 * @module
 */
import { onAbort } from "../base/abort.ts";
import { ApiError } from "./api_error.ts";
import type { Bodies } from "./bodies.ts";
import { BODY_IDLE_MS, BODY_TIMEOUT_MS, MAX_BODY_BYTES } from "./limits.ts";

/** Refuses invalid UTF-8. */
const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** How much is received, and for how long. */
export interface BodyLimits {
  readonly maxBytes?: number;
  readonly timeoutMs?: number;
  /** How long nothing may come. */
  readonly idleMs?: number;
  /** Those that are on their way, among which it counts. */
  readonly bodies?: Bodies;
}

/**
 * Receives a body and parses it as JSON.
 *
 * @throws {ApiError} 415 if it is not called JSON, which also keeps pages of other origins from sending any without being
 * allowed to; 413 if it is too large; 408 if it takes too long; 400 if it is not JSON
 * @throws {DOMException} `AbortError` if the client goes away
 */
export async function readJsonBody(request: Request, limits: BodyLimits = {}): Promise<unknown> {
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new ApiError(
      415,
      "The body must be JSON: send the header content-type: application/json.",
    );
  }
  const bytes = await readBytes(request, limits);
  try {
    return JSON.parse(UTF8.decode(bytes));
  } catch (cause) {
    throw new ApiError(
      400,
      `The body is not valid JSON: ${(cause as Error).message}`.slice(0, 300),
      {
        cause,
      },
    );
  }
}

async function readBytes(
  request: Request,
  {
    maxBytes = MAX_BODY_BYTES,
    timeoutMs = BODY_TIMEOUT_MS,
    idleMs = BODY_IDLE_MS,
    bodies,
  }: BodyLimits,
): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () =>
    new ApiError(413, `The body is larger than ${maxBytes} bytes. Send fewer prompts at a time.`);
  // What the client says of it is believed only where it speaks against it.
  if (Number(request.headers.get("content-length")) > maxBytes) throw tooLarge();
  if (request.body === null) return new Uint8Array();
  const reader = request.body.getReader();
  let failure: unknown;
  const stop = (error: unknown) => {
    failure ??= error;
    reader.cancel(error).catch(() => {}); // It may have ended otherwise.
  };
  const stopAfter = (ms: number, problem: string) =>
    setTimeout(() => stop(new ApiError(408, `${problem} within ${ms / 1000} s.`)), ms);
  const timer = stopAfter(timeoutMs, "The body has not arrived");
  const waitForMore = () => stopAfter(idleMs, "Nothing more of the body has arrived");
  let idleTimer = waitForMore();
  using _arriving = bodies?.add(stop);
  using _listener = onAbort(request.signal, () => stop(request.signal.reason));
  try {
    const chunks: Uint8Array[] = [];
    let numBytes = 0;
    while (true) {
      const { done, value } = await reader.read();
      if (failure !== undefined) throw failure;
      if (done) break;
      clearTimeout(idleTimer);
      idleTimer = waitForMore();
      numBytes += value.length;
      if (numBytes > maxBytes) {
        stop(tooLarge());
        throw failure;
      }
      chunks.push(value);
    }
    const bytes = new Uint8Array(numBytes);
    let offset = 0;
    for (const chunk of chunks) {
      bytes.set(chunk, offset);
      offset += chunk.length;
    }
    return bytes;
  } catch (error) {
    throw failure ?? new ApiError(400, "The body was cut off.", { cause: error });
  } finally {
    clearTimeout(timer);
    clearTimeout(idleTimer);
  }
}
