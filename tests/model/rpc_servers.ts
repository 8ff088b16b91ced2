/** Servers on this machine for tests, in processes of their own. */
import { greetRpcServer } from "../../src/tensor/rpc_endpoint.ts";

/** A server that is running. */
export interface RunningServer extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly endpoint: string;
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
}

/** How often it is looked whether a server listens already, and for how long. */
const RETRY_MS = 20;
const START_MS = 20_000;

/**
 * Starts a server, and returns when it answers.
 *
 * @param command what to run with the address as its last argument; by default a program that has the native library serve
 */
export async function startRpcServer(
  command = [Deno.execPath(), "run", "-A", new URL("./serve_rpc.ts", import.meta.url).href],
): Promise<RunningServer> {
  const endpoint = { hostname: "127.0.0.1", port: freePort() };
  const name = `${endpoint.hostname}:${endpoint.port}`;
  const child = new Deno.Command(command[0], {
    args: [...command.slice(1), name],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  let isRunning = true;
  const ended = child.status.then(() => void (isRunning = false));
  const kill = async () => {
    if (isRunning) child.kill("SIGKILL");
    await ended;
  };
  const start = performance.now();
  while (true) {
    try {
      await greetRpcServer(endpoint);
      return { endpoint: name, kill, [Symbol.asyncDispose]: kill };
    } catch (error) {
      if (!isRunning || performance.now() - start > START_MS) {
        await kill();
        throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

/** A port that nobody listens on. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
