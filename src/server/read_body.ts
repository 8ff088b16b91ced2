/**
 * The body of a request, received with care: not more than there may be, and not for longer.
 *
 * @module
 */
import { onAbort } from "../base/abort.ts";
import { quote } from "../base/describe.ts";
import { ApiError } from "./api_error.ts";
import type { Bodies } from "./bodies.ts";
import type { Exchange } from "./service.ts";
import { checkStructure } from "./body_structure.ts";
import { BODY_IDLE_MS, BODY_TIMEOUT_MS, MAX_BODY_BYTES } from "./limits.ts";

/** Refuses invalid UTF-8. */
const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** Half of a surrogate pair, which only an escape can bring into what is UTF-8; or what looks like one behind a backslash. */
const HALF_PAIR =
  /\\u[dD][89abAB][\da-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][\da-fA-F]{2})\\u[dD][c-fC-F]/;

/** How much is received, and for how long. */
export interface BodyLimits {
  readonly maxBytes?: number;
  readonly timeoutMs?: number;
  /** How long nothing may come. */
  readonly idleMs?: number;
  /** Those that are on their way, among which it counts. */
  readonly bodies?: Bodies;
  /** Ends it. Default: the signal of the request, which is aborted when the client goes away. */
  readonly signal?: AbortSignal;
}

/** Receives the body of a request that is being answered. Also the end of the server ends that. */
export function readExchangeBody({ request, signal, service }: Exchange): Promise<unknown> {
  return readJsonBody(request, { bodies: service.bodies, signal });
}

/**
 * Receives a body and parses it as JSON.
 *
 * @throws {ApiError} 415 if it is not called JSON, which also keeps pages of other origins from sending any without being
 * allowed to; 413 if it is too large; 408 if it takes too long; 400 if it is not JSON
 * @throws {DOMException} `AbortError` if the client goes away, or whatever else aborts the signal
 */
export async function readJsonBody(request: Request, limits: BodyLimits = {}): Promise<unknown> {
  checkForm(request.headers);
  const bytes = await readBytes(request, limits);
  checkStructure(bytes);
  let text: string;
  let body: unknown;
  try {
    text = UTF8.decode(bytes);
    body = JSON.parse(text);
  } catch (cause) {
    throw new ApiError(
      400,
      `The body is not valid JSON: ${(cause as Error).message}`.slice(0, 300),
      {
        cause,
      },
    );
  }
  if (HALF_PAIR.test(text)) refuseHalfPairs(body);
  return body;
}

/** What is sent otherwise is not guessed. */
function checkForm(headers: Headers): void {
  const type = headers.get("content-type") ?? "";
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new ApiError(
      415,
      `The body must be JSON, and be called so: received content-type: ${
        quote(type)
      }. Send the header content-type: application/json; with curl -d that takes -H 'content-type: application/json'.`,
    );
  }
  const [, charset = "utf-8"] = /;\s*charset\s*=\s*"?([^\s";]*)/i.exec(type) ?? [];
  if (!/^(utf-?8|us-ascii)$/i.test(charset)) {
    throw new ApiError(
      415,
      `The body must be UTF-8, as JSON is: received charset=${quote(charset)}.`,
    );
  }
  for (const name of ["content-encoding", "transfer-encoding"]) {
    const encoding = headers.get(name) ?? "";
    if (/^(identity)?$/i.test(encoding)) continue;
    if (name === "transfer-encoding" && /^chunked$/i.test(encoding)) continue;
    throw new ApiError(
      415,
      `The body must be sent as it is: received ${name}: ${quote(encoding)}. Do not compress it.`,
    );
  }
}

/**
 * Half of a surrogate pair is no character: it would be read as another one.
 *
 * @throws {ApiError} 400 if there is one, in a text or a name
 */
function refuseHalfPairs(body: unknown): void {
  // Not by recursion: a client may nest as deeply as it likes.
  const left: [value: unknown, field: string | undefined][] = [[body, undefined]];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const [value, field] = next;
    const look = (each: unknown, field: string | undefined) => {
      if (typeof each === "string" && !each.isWellFormed()) throw halfPair(field);
      if (typeof each === "object" && each !== null) left.push([each, field]);
    };
    if (typeof value !== "object" || value === null) look(value, field);
    else if (Array.isArray(value)) { for (const each of value) look(each, field); }
    else {
      for (const [name, each] of Object.entries(value)) {
        look(name, field);
        look(each, field ?? name);
      }
    }
  }
}

function halfPair(field: string | undefined): ApiError {
  return new ApiError(
    400,
    `${
      field?.slice(0, 100) ?? "The body"
    } must be well-formed Unicode: received half of a surrogate pair, ` +
      "such as \\ud800. Send whole characters.",
    { param: field?.slice(0, 100), code: "invalid_value" },
  );
}

async function readBytes(
  request: Request,
  {
    maxBytes = MAX_BODY_BYTES,
    timeoutMs = BODY_TIMEOUT_MS,
    idleMs = BODY_IDLE_MS,
    bodies,
    signal = request.signal,
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
  using _listener = onAbort(signal, () => stop(signal.reason));
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
