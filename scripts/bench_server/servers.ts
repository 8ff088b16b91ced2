/**
 * The servers that are compared.
 *
 * @module
 */
import { BenchError } from "../bench/command.ts";
import { startServer } from "../start_server.ts";

/** A server that runs. */
export interface RunningServer extends AsyncDisposable {
  readonly name: string;
  readonly url: string;
}

/** What a server is started with. */
export interface ServerSetup {
  readonly model: string;
  readonly threads: number;
  /** How many texts it can write at once. */
  readonly numTexts: number;
}

const CONTEXT_LENGTH = 1024;
const READY_MS = 60_000;

/** This package's. */
export async function ourServer({ model, threads, numTexts }: ServerSetup): Promise<RunningServer> {
  const flags = ["--max-texts", String(numTexts), "--max-waiting", String(4 * numTexts)];
  const ours = ["--model", model, "--threads", String(threads), ...flags];
  const { child, url } = await startServer(ours, { stderr: "null" });
  return running("allformers", url, child);
}

/** llama.cpp's, with as many slots, each of the whole context, and what is usual for the rest. */
export async function llamaServer(
  program: string,
  { model, threads, numTexts }: ServerSetup,
): Promise<RunningServer> {
  const port = freePort();
  const child = new Deno.Command(program, {
    args: [
      ...["-m", model, "-t", String(threads), "--port", String(port), "--host", "127.0.0.1"],
      ...["-np", String(numTexts), "-c", String(CONTEXT_LENGTH * numTexts), "--no-webui"],
    ],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const url = `http://127.0.0.1:${port}`;
  const end = performance.now() + READY_MS;
  while (!(await isReady(url))) {
    if (performance.now() > end) throw new BenchError(`Cannot start ${program}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return running("llama-server", url, child);
}

function running(name: string, url: string, child: Deno.ChildProcess): RunningServer {
  return {
    name,
    url,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGTERM");
      await child.status;
    },
  };
}

async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/health`);
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
