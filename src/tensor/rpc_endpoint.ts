/**
 * The addresses of RPC servers, and whether one answers there.
 *
 * @module
 */
import { InvalidArgumentError, NativeError } from "../base/errors.ts";

/** Where a server listens. */
export interface RpcEndpoint {
  /** Its name or IPv4 address. */
  readonly hostname: string;
  /** 1 to 65535. */
  readonly port: number;
}

/** The version of the protocol in the pinned ggml: `RPC_PROTO_*_VERSION` in `ggml-rpc.h`. */
const PROTOCOL = { major: 7, minor: 0 } as const;

/** `RPC_CMD_HELLO`, which every version has, and the bytes that say what a transport can do: nothing but TCP. */
const HELLO = 14;
const CAPABILITY_BYTES = 24;

/** How long a server may take to answer. */
const ANSWER_MS = 5000;

/**
 * Parses `host:port`.
 *
 * @throws {RangeError} if it is none
 */
export function parseRpcEndpoint(text: string): RpcEndpoint {
  // ggml takes names and IPv4 addresses only.
  const [, hostname, portText] = /^([A-Za-z0-9._-]+):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(portText);
  if (hostname === undefined || port < 1 || port > 65535) {
    throw new InvalidArgumentError(
      `Cannot use a server: it must be a host name or an IPv4 address, a colon, and a port from 1 to 65535: ` +
        `received ${JSON.stringify(text)}. Write for example 192.168.0.2:50052.`,
    );
  }
  return { hostname, port };
}

/** `host:port`. */
export function formatRpcEndpoint({ hostname, port }: RpcEndpoint): string {
  return `${hostname}:${port}`;
}

/**
 * Greets the server as ggml does, so that one that is not there, busy, or of another version is an error here: ggml would
 * wait without end, or end the process.
 *
 * @throws {NativeError} unless it answers in time, and in the version of this ggml
 */
export async function greetRpcServer(
  endpoint: RpcEndpoint,
  { answerMs = ANSWER_MS }: { answerMs?: number } = {},
): Promise<void> {
  using connection = await connectTo(endpoint);
  const answer = await within(answerMs, exchangeGreetings(connection)).catch((error) => {
    throw unusable(endpoint, "it closed the connection: it may be of another version", error);
  });
  if (answer === "timeout") {
    throw unusable(
      endpoint,
      `it did not answer in ${
        answerMs / 1000
      } s. A server serves one program at a time: end the other one`,
    );
  }
  if (answer === undefined) throw unusable(endpoint, "it is no RPC server of ggml");
  const [major, minor] = answer;
  if (major !== PROTOCOL.major || minor > PROTOCOL.minor) {
    throw unusable(
      endpoint,
      `it is of another version: received protocol ${major}.${minor} instead of ` +
        `${PROTOCOL.major}.${PROTOCOL.minor}. Build it with this package: deno task build --rpc-server`,
    );
  }
}

/**
 * Opens a connection.
 *
 * @throws {NativeError} if nobody takes it in time
 */
export async function connectTo(endpoint: RpcEndpoint): Promise<Deno.TcpConn> {
  const connecting = Deno.connect(endpoint);
  const connection = await within(ANSWER_MS, connecting).catch((error) => {
    if (error instanceof Deno.errors.NotCapable) throw error;
    throw unusable(endpoint, `${problemOf(error)}. ${HOW_TO_START}`, error);
  });
  if (connection !== "timeout") return connection;
  connecting.then((late) => late.close(), () => {});
  throw unusable(endpoint, `it cannot be reached in ${ANSWER_MS / 1000} s`);
}

const HOW_TO_START =
  "On the server's machine, `deno task build --rpc-server` makes native/build/rpc-server, and " +
  "`native/build/rpc-server ADDRESS:PORT THREADS` starts it (docs/devices.md)";

function problemOf(error: Error): string {
  if (error instanceof Deno.errors.ConnectionRefused) return "nobody listens there";
  // Windows says it in the user's language, with the number of WSAHOST_NOT_FOUND or WSANO_DATA.
  if (!/lookup address|os error 1100[14]/.test(error.message)) return error.message;
  return "no machine of that name is known here: check the name, or give its IPv4 address";
}

/** An error about a server. */
export function unusable(endpoint: RpcEndpoint, problem: string, cause?: unknown): NativeError {
  return new NativeError(`Cannot use the server ${formatRpcEndpoint(endpoint)}: ${problem}`, {
    cause,
  });
}

/** What `promise` gives, or `"timeout"` if that takes too long. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T | "timeout"> {
  const { promise: late, resolve } = Promise.withResolvers<"timeout">();
  const timer = setTimeout(() => resolve("timeout"), ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * A request is the command, the length of what follows as a 64-bit integer, and that; an answer has no command. The
 * answer to a greeting begins with the parts of the version, a byte each.
 *
 * @returns the content of the answer, or nothing if it does not have the length that this answer has
 */
async function exchangeGreetings(
  connection: Deno.TcpConn,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const request = new Uint8Array(1 + 8 + CAPABILITY_BYTES);
  request[0] = HELLO;
  request[1] = CAPABILITY_BYTES;
  await connection.write(request);
  const length = new DataView((await readExactly(connection, 8)).buffer).getBigUint64(0, true);
  const answerBytes = 4 + CAPABILITY_BYTES;
  return length === BigInt(answerBytes) ? await readExactly(connection, answerBytes) : undefined;
}

async function readExactly(
  connection: Deno.TcpConn,
  count: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(count);
  for (let received = 0; received < count;) {
    const more = await connection.read(bytes.subarray(received));
    if (more === null) throw new Deno.errors.UnexpectedEof("the connection was closed");
    received += more;
  }
  return bytes;
}
