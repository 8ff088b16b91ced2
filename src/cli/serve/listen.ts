/**
 * A server from its first request to its last.
 *
 * @module
 */
import { onAbort } from "../../base/abort.ts";
import { quote } from "../../base/describe.ts";
import type { Handler } from "../../serve.ts";
import { UsageError } from "../arguments/usage_error.ts";

/** Where a server listens, and until when. */
export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  /** How long running requests may take when the signal has asked to end. */
  readonly graceSeconds: number;
  readonly signal: AbortSignal;
  /** Called with how many requests are still running when the signal has asked to end, if there are any. */
  readonly onWait: (numRequests: number) => void;
}

/** How long answers that are complete may take to reach their clients. */
const LAST_BYTES_MS = 1000;

/** Whether only this machine can reach an address, however it is written: `127.1`, `[::1]`. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  const url = URL.parse(`http://${bare.includes(":") ? `[${bare}]` : bare}`);
  return url !== null &&
    /^(localhost|127(\.\d{1,3}){3}|\[::1\]|\[::ffff:7f[\da-f]{2}:[\da-f]+\])$/.test(url.hostname);
}

/**
 * Requires that a server can listen at an address, ahead of work that would be in vain otherwise.
 *
 * @throws {Deno.errors.Busy} if somebody else listens there
 * @throws {UsageError} if there is no such address on this machine
 */
export function requireAddress(host: string, port: number): void {
  listening(host, port, () => Deno.listen({ hostname: host, port })).close();
}

/**
 * Answers requests until the signal asks to end.
 *
 * @param onReady is called with the server's address
 * @throws {Deno.errors.Busy} if somebody else listens there
 * @throws {UsageError} if there is no such address on this machine
 */
export async function listen(
  handler: Handler,
  { host, port, graceSeconds, signal, onWait }: ListenOptions,
  onReady: (url: string) => Promise<void>,
): Promise<void> {
  using _quiet = silenceAbortNotice();
  const server = listening(
    host,
    port,
    () => Deno.serve({ hostname: host, port, onListen: () => {} }, (request) => handler(request)),
  );
  const { promise: whenAsked, resolve } = Promise.withResolvers<void>();
  using _listener = onAbort(signal, resolve);
  if (signal.aborted) resolve();
  try {
    const { hostname, port } = server.addr;
    const name = hostname.includes(":") ? `[${hostname}]` : hostname;
    await onReady(`http://${name}:${port}`);
    await Promise.race([whenAsked, server.finished]);
    if (handler.numRunning > 0) onWait(handler.numRunning);
    await handler.drain(1000 * graceSeconds);
  } finally {
    // A client that does not read to the end is not waited for.
    const { promise: whenLate, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, LAST_BYTES_MS);
    await Promise.race([server.shutdown(), whenLate]);
    clearTimeout(timer);
  }
}

/**
 * Keeps Deno from saying once, on stderr, that a request's signal is aborted after its answer as well. The handler does not
 * listen then any more.
 */
function silenceAbortNotice(): Disposable {
  const { warn } = console;
  console.warn = (...args: unknown[]) => {
    if (!String(args[0]).startsWith("Deno.serve: request.signal")) warn(...args);
  };
  return { [Symbol.dispose]: () => void (console.warn = warn) };
}

/** What `open` opens; why there can be nothing is said in the words of the command line. */
function listening<T>(hostname: string, port: number, open: () => T): T {
  try {
    return open();
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) {
      throw new Deno.errors.Busy(
        `Cannot listen on port ${port} of ${hostname}: another program does. Choose another --port, or 0.`,
        { cause: error },
      );
    }
    // A name that nobody knows is an error of no class of its own.
    const isUnknown = /lookup address/.test((error as Error).message);
    if (isUnknown || error instanceof Deno.errors.AddrNotAvailable || error instanceof TypeError) {
      throw new UsageError(
        `--host is no address of this machine: received ${
          quote(hostname)
        }. Use 127.0.0.1, or 0.0.0.0 for all.`,
      );
    }
    throw error;
  }
}
