/**
 * A handler for tests, and what one sends to it.
 *
 * @module
 */
import { GPT2 } from "../../src/gpt2.ts";
import { createHandler, type Handler } from "../../src/server/handler.ts";
import type { ServerOptions } from "../../src/server/server_options.ts";

/** The model that the tests serve. */
export const model = await GPT2.fromPretrained("demo", { threads: 1 });

/** A handler for {@linkcode model}. */
export function serving(options: ServerOptions = {}): Handler {
  return createHandler(model, { modelName: "demo", ...options });
}

/** A request with a body. */
export function post(path: string, body: unknown, init: RequestInit = {}): Request {
  return new Request(`http://localhost${path}`, {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...init,
    headers: { "content-type": "application/json", ...init.headers },
  });
}

/** A request without a body. */
export function get(path: string, init: RequestInit = {}): Request {
  return new Request(`http://localhost${path}`, init);
}

/** An answer of `POST /v1/completions`. */
export interface Completion {
  readonly id: string;
  readonly object: string;
  readonly model: string;
  readonly choices: readonly {
    readonly text: string;
    readonly index: number;
    readonly finish_reason: string | null;
    readonly logprobs: {
      readonly tokens: string[];
      readonly token_logprobs: (number | null)[];
      readonly top_logprobs: (Record<string, number> | null)[] | null;
      readonly text_offset: number[];
    } | null;
  }[];
  readonly usage: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly total_tokens: number;
    readonly prompt_tokens_details: { readonly cached_tokens: number };
  } | null;
}

/** Asks for a completion that has to succeed. */
export async function complete(handler: Handler, body: unknown): Promise<Completion> {
  const response = await handler(post("/v1/completions", body));
  const json = await response.json();
  if (response.status !== 200) throw new Error(`${response.status}: ${JSON.stringify(json)}`);
  return json;
}

/** Asks for something that is refused. */
export async function refusal(
  handler: Handler,
  request: Request,
): Promise<{ status: number; message: string; type: string; param: string; code: string }> {
  const response = await handler(request);
  const { error } = await response.json();
  return { status: response.status, ...error };
}

/** What a stream of server-sent events says, up to and without `[DONE]`, which has to be the last. */
export async function events(response: Response): Promise<Completion[]> {
  const parts = (await response.text()).split("\n\n");
  if (parts.pop() !== "" || parts.pop() !== "data: [DONE]") throw new Error("not the end");
  return parts.map((part) => JSON.parse(part.replace(/^data: /, "")));
}
