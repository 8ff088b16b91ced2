/**
 * What the server says about itself: `GET /v1/models`, `/health`, `/metrics`.
 *
 * @module
 */
import { bytesOfPosition } from "../engine/key_value_cache.ts";
import { noSuchModel } from "./adapters.ts";
import { ApiError } from "./api_error.ts";
import type { Exchange, Service } from "./service.ts";

function modelJson({ modelName, startedAt, model: { config, weightType } }: Service) {
  return {
    id: modelName,
    object: "model",
    created: startedAt,
    owned_by: "allformers",
    max_model_len: config.contextLength,
    weight_type: weightType,
  };
}

/** The model with an adapter, as vLLM lists it. */
function adapterJson(service: Service, name: string) {
  return { ...modelJson(service), id: name, parent: service.modelName };
}

/** The model, and the model with each of its adapters. */
export function listModels({ service }: Exchange): Response {
  const adapted = Array.from(service.adapters.keys(), (name) => adapterJson(service, name));
  return Response.json({ object: "list", data: [modelJson(service), ...adapted] });
}

/** A model by its name, which may have slashes. */
export function showModel({ path, service }: Exchange): Response {
  const name = decoded(path.replace("/v1/models/", ""));
  if (name === service.modelName) return Response.json(modelJson(service));
  if (name !== undefined && service.adapters.has(name)) {
    return Response.json(adapterJson(service, name));
  }
  throw noSuchModel(service);
}

function decoded(name: string): string | undefined {
  try {
    return decodeURIComponent(name);
  } catch {
    return undefined;
  }
}

/** Whether the server takes requests; one that ends is asked no more. */
export function health({ service }: Exchange): Response {
  const { numTexts, numWaiting } = service.admission;
  return Response.json({ status: "ok", texts_running: numTexts, requests_waiting: numWaiting });
}

/** What was counted, for Prometheus. */
export function metrics({ service }: Exchange): Response {
  const { admission, prefixes, maxTexts, engine } = service;
  const { cacheBytes, numSlots, numUsed } = engine.memory;
  const { numKeptTokens } = prefixes;
  const text = service.metrics.text({
    numWaiting: admission.numWaiting,
    numTexts: admission.numTexts,
    maxTexts,
    numKept: prefixes.numKept,
    numKeptTokens,
    keptBytes: numKeptTokens * bytesOfPosition(engine.model),
    numSlots,
    numUsedSlots: numUsed,
    cacheBytes,
  });
  return new Response(text, {
    headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
  });
}

/** Chat is refused. */
export function refuseChat(): Response {
  throw new ApiError(
    404,
    "GPT-2 has no chat format: it continues texts. Send a prompt to /v1/completions instead.",
    { type: "not_found_error", code: "no_chat_format" },
  );
}
