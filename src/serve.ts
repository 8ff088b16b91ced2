/**
 * Serving a model over HTTP: OpenAI's completions, and what evaluation harnesses ask for.
 *
 * ```ts
 * import { GPT2 } from "@allformers/gpt2";
 * import { createHandler } from "@allformers/gpt2/serve";
 *
 * using model = await GPT2.fromPretrained("demo");
 * using handler = createHandler(model, { modelName: "demo" });
 * const models = await handler(new Request("http://localhost/v1/models"));
 * console.log(await models.json()); // or Deno.serve(handler), or a part of a server of your own
 * ```
 *
 * @module
 */
export { createHandler, type Handler, type ServerCapacity } from "./server/handler.ts";
export type { ServedAdapters } from "./server/adapters.ts";
export type { RequestRecord } from "./server/request_record.ts";
export type { SteeringVector, SteeringVectors } from "./server/steering.ts";
export type { ServerOptions } from "./server/server_options.ts";
