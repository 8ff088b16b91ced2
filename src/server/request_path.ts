/**
 * What a request is for, apart from what its client calls the server.
 *
 * @module
 */
import { quote } from "../base/describe.ts";
import { ApiError } from "./api_error.ts";

/** A name or an address, and perhaps a port. Empty, as HTTP has it, if there is no name for the server. */
const HOST = /^(?:\[[\da-f:.]+\]|[\w.~-]*)(?::\d*)?$/i;

/**
 * The path of a request's target, such as `/v1/models`. Deno puts the header `host` before it as it is, which may be anything.
 */
export function requestPath({ url, headers }: Request): string {
  const origin = `http://${headers.get("host") ?? ""}`;
  const isAsItIs = url.startsWith(`${origin}/`);
  const target = isAsItIs ? url.slice(origin.length) : url.replace(/^[^:]*:\/\/[^/?#\\]*/, "");
  // The name that is put before it now is a good one.
  return new URL(`http://localhost${target.startsWith("/") ? "" : "/"}${target}`).pathname;
}

/**
 * Looks at what a client calls the server.
 *
 * @throws {ApiError} 400 if that is no name
 */
export function checkHost(headers: Headers): void {
  const host = headers.get("host") ?? "";
  if (HOST.test(host)) return;
  throw new ApiError(
    400,
    `The header host must be a name or an address, and perhaps a port: received ${
      quote(host.slice(0, 100))
    }.`,
  );
}
