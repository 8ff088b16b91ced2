/**
 * What goes wrong with a request, in the form in which OpenAI's API says so.
 *
 * @module
 */
import { DisposedError, NotEnoughMemoryError, OutOfMemoryError } from "../base/errors.ts";
import { fieldOf, renameOptions } from "./field_names.ts";

/** What kind of error it is, in OpenAI's words. */
export type ApiErrorType =
  | "invalid_request_error"
  | "authentication_error"
  | "not_found_error"
  | "server_error"
  | "overloaded_error";

/** What else there is to say about an error. */
export interface ApiErrorDetails {
  /** Default: `invalid_request_error`. */
  readonly type?: ApiErrorType;
  /** The field of the request that is wrong. */
  readonly param?: string;
  /** A word for programs, such as `model_not_found`. */
  readonly code?: string;
  /** Headers of the answer. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** An answer other than the one that was asked for. */
export class ApiError extends Error {
  /** The class name, as it appears in front of the message. */
  override name = "ApiError";
  readonly #details: ApiErrorDetails;

  /** @param status of the answer, 400 to 599 */
  constructor(readonly status: number, message: string, details: ApiErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.#details = details;
  }

  /** The answer's body: `{ error: { message, type, param, code } }`. */
  get body(): { readonly error: Readonly<Record<string, string | null>> } {
    const { type = "invalid_request_error", param = null, code = null } = this.#details;
    return { error: { message: this.message, type, param, code } };
  }

  /** The answer. */
  toResponse(): Response {
    return Response.json(this.body, { status: this.status, headers: this.#details.headers });
  }
}

/** For a field that is not what it must be. */
export function fieldError(param: string, message: string, code = "invalid_value"): ApiError {
  return new ApiError(400, message, { param, code });
}

/** The server ends, or has more to do than it can take in. */
export function overloaded(message: string, retryAfterSeconds: number): ApiError {
  const headers = { "retry-after": String(retryAfterSeconds) };
  return new ApiError(503, message, { type: "overloaded_error", code: "overloaded", headers });
}

/** For what the end of the server has cut off. */
export function serverEnds(): ApiError {
  return overloaded("The server is shutting down. Try again later.", 5);
}

/**
 * What to answer when something was thrown. What the library refuses is the fault of the request, and what it says names the
 * fields; of anything else a client learns nothing.
 */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const isRefused = error instanceof RangeError || error instanceof TypeError ||
    error instanceof SyntaxError;
  // That somebody has disposed of the model is no fault of the request.
  const isOurs = error instanceof DisposedError;
  if (isRefused && !isOurs && !isAboutMemory(error) && /^Cannot /.test(error.message)) {
    const { message } = error;
    const param = fieldOf(message);
    const code = param === undefined ? undefined : "invalid_value";
    return new ApiError(400, renameOptions(message), { param, code, cause: error });
  }
  if (isAboutMemory(error)) {
    const headers = { "retry-after": "5" };
    return new ApiError(503, "The server has too little memory for this now. Try again later.", {
      type: "server_error",
      headers,
      cause: error,
    });
  }
  return new ApiError(500, "The server failed. Its log says more.", {
    type: "server_error",
    cause: error,
  });
}

/** Whether there was not enough memory for what was asked for, and may be later. */
export function isAboutMemory(error: unknown): boolean {
  return error instanceof NotEnoughMemoryError || error instanceof OutOfMemoryError;
}
