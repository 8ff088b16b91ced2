/**
 * `POST /v1/completions`.
 *
 * @module
 */
import { readExchangeBody } from "../read_body.ts";
import type { Exchange } from "../service.ts";
import { type CompletionRequest, readCompletionRequest } from "./request.ts";
import { ChoiceCollector, ChoiceWriter, completionHead, usageJson } from "./response.ts";
import { runCompletion } from "./run.ts";
import { streamCompletion } from "./stream.ts";

/** Continues prompts. */
export async function completions(exchange: Exchange): Promise<Response> {
  const { service } = exchange;
  service.admission.checkRoom();
  const body = await readExchangeBody(exchange);
  const request = await readCompletionRequest(body, service);
  return request.isStreamed
    ? await streamCompletion(exchange, request)
    : await wholeCompletion(exchange, request);
}

async function wholeCompletion(exchange: Exchange, request: CompletionRequest): Promise<Response> {
  const writer = new ChoiceWriter(exchange.service.model, request);
  const collector = new ChoiceCollector();
  const usage = await runCompletion(exchange, request, (event) => {
    collector.add(writer.write(event));
  });
  return Response.json({
    ...completionHead(exchange, request.modelName),
    choices: collector.choices,
    usage: usageJson(usage),
  });
}
