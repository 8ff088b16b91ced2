/**
 * Completions as they are written: server-sent events.
 *
 * @module
 */
import { serverEnds, toApiError } from "../api_error.ts";
import type { Exchange } from "../service.ts";
import type { CompletionRequest } from "./request.ts";
import { ChoiceWriter, completionHead, usageJson } from "./response.ts";
import { runCompletion } from "./run.ts";

const encoder = new TextEncoder();

/** The answer begins with the first token: what goes wrong before that has a status of its own. */
export async function streamCompletion(
  exchange: Exchange,
  request: CompletionRequest,
): Promise<Response> {
  const head = completionHead(exchange, request.modelName);
  const writer = new ChoiceWriter(exchange.service.model, request);
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  // A client that reads slowly holds nobody up: an answer is never longer than the context, and waits in memory.
  const stream = new ReadableStream<Uint8Array>({
    start: (it) => void (controller = it),
    cancel: (reason) => exchange.leave(reason ?? new DOMException("Cancelled", "AbortError")),
  });
  const send = (data: unknown) =>
    controller.enqueue(encoder.encode(`data: ${JSON.stringify(data)}\n\n`));
  const { promise: hasBegun, resolve: begin } = Promise.withResolvers<void>();
  const run = runCompletion(exchange, request, (event) => {
    const choice = writer.write(event);
    begin();
    // Half a character, or what may become a stop text.
    const isEmpty = choice.text === "" && choice.finish_reason === null;
    if (isEmpty && choice.logprobs === null && choice.token_ids === undefined) return;
    send({ ...head, choices: [choice], ...request.includesUsage && { usage: null } });
  });
  await Promise.race([hasBegun, run]);
  exchange.until(
    run.then(
      (usage) => {
        if (request.includesUsage) send({ ...head, choices: [], usage: usageJson(usage) });
        controller.enqueue(encoder.encode("data: [DONE]\n\n"));
        controller.close();
      },
      (error) => {
        // Either the server ends, or there is no client any more.
        const isStopped = exchange.signal.aborted;
        if (!isStopped) exchange.report(error);
        send((isStopped ? serverEnds() : toApiError(error)).body);
        controller.close();
      },
    ).catch(() => {}),
  ); // Nobody listens any more.
  return new Response(stream, {
    headers: { "content-type": "text/event-stream", "cache-control": "no-cache" },
  });
}
