/**
 * `POST /v1/completions`.
 *
 * @module
 */
import { jsonResponse } from "../json_response.ts";
import { readExchangeBody } from "../read_body.ts";
import type { Exchange } from "../service.ts";
import { type CompletionRequest, readCompletionRequest } from "./request.ts";
import { ChoiceWriter, completionHead, joinChoice, usageJson } from "./response.ts";
import { type CompletionEvent, runCompletion } from "./run.ts";
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
  // Written at the end, choice by choice: all of them together may have a million numbers.
  const events: CompletionEvent[][] = [];
  const usage = await runCompletion(exchange, request, (event) => {
    (events[event.choice] ??= []).push(event);
  });
  const elements = events.values()
    .map((ofChoice) => joinChoice(ofChoice.map((event) => writer.write(event))));
  return await jsonResponse(
    completionHead(exchange, request.modelName),
    { name: "choices", elements },
    { usage: usageJson(usage) },
    exchange.signal,
  );
}
