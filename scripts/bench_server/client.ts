/**
 * Asks a server, and looks at the clock.
 *
 * @module
 */
import type { Asked, Workload } from "./workloads.ts";

/** How a workload went. */
export interface Measured {
  /** Tokens that were written, or of which log-probabilities were given, in a second, by all clients together. */
  readonly tokensPerSecond: number;
  /** Milliseconds from the request to the first token. */
  readonly firstTokenMs: readonly number[];
  /** Milliseconds from a token to the next one: the mean of each request. */
  readonly tokenMs: readonly number[];
}

/** The server does not do what was asked for. */
export class RefusedError extends Error {
  override name = "RefusedError";
}

/**
 * Has clients work through the requests.
 *
 * @throws {RefusedError} if the server refuses one
 */
export async function measure(
  url: string,
  { numClients, requests }: Workload,
): Promise<Measured> {
  const firstTokenMs: number[] = [];
  const tokenMs: number[] = [];
  let [next, numTokens] = [0, 0];
  const client = async () => {
    while (next < requests.length) {
      const request = requests[next++];
      const times = request.echo ? await askForScores(url, request) : await stream(url, request);
      numTokens += request.echo ? request.prompt.length : request.maxTokens;
      firstTokenMs.push(times.firstMs);
      if (request.maxTokens > 1) {
        tokenMs.push((times.lastMs - times.firstMs) / (request.maxTokens - 1));
      }
    }
  };
  const begin = performance.now();
  await Promise.all(Array.from({ length: numClients }, client));
  const tokensPerSecond = 1000 * numTokens / (performance.now() - begin);
  return { tokensPerSecond, firstTokenMs, tokenMs };
}

async function post(url: string, body: Record<string, unknown>): Promise<Response> {
  const response = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new RefusedError((await response.text()).slice(0, 200));
  return response;
}

/** Times are milliseconds since the request. */
interface Times {
  readonly firstMs: number;
  readonly lastMs: number;
}

async function stream(url: string, { prompt, maxTokens, seed }: Asked): Promise<Times> {
  const begin = performance.now();
  const response = await post(url, {
    ...{ prompt, max_tokens: maxTokens, seed, temperature: 1, stream: true, ignore_eos: true },
  });
  let [firstMs, lastMs] = [0, 0];
  let isWhole = false;
  let rest = "";
  for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      if (!line.startsWith("data: {")) continue;
      lastMs = performance.now() - begin;
      firstMs ||= lastMs;
      isWhole ||= JSON.parse(line.slice("data: ".length)).choices?.[0]?.finish_reason === "length";
    }
  }
  if (!isWhole) throw new RefusedError("the text is not as long as was asked for");
  return { firstMs, lastMs };
}

async function askForScores(url: string, { prompt, maxTokens, seed }: Asked): Promise<Times> {
  const begin = performance.now();
  const response = await post(url, {
    ...{ prompt, max_tokens: maxTokens, seed, temperature: 0, echo: true, logprobs: 1 },
  });
  const { choices: [{ logprobs }] } = await response.json();
  if (!(logprobs?.token_logprobs?.length >= prompt.length)) {
    throw new RefusedError("no log-probabilities of the prompt");
  }
  const elapsedMs = performance.now() - begin;
  return { firstMs: elapsedMs, lastMs: elapsedMs };
}
