/**
 * From a request to its answer.
 *
 * @module
 */
import { onAbort } from "../base/abort.ts";
import { describe } from "../base/describe.ts";
import { engineOf } from "../engine/engines.ts";
import { cacheBytes } from "../engine/key_value_cache.ts";
import { GPT2 } from "../gpt2.ts";
import { checkAdapters } from "./adapters.ts";
import { Admission } from "./admission.ts";
import { ApiError, overloaded, serverEnds, toApiError } from "./api_error.ts";
import { Authorization } from "./authorization.ts";
import { Bodies } from "./bodies.ts";
import { Cors } from "./cors.ts";
import { MAX_OTHER_REQUESTS } from "./limits.ts";
import { Metrics } from "./metrics.ts";
import { PrefixCache } from "./prefix_cache.ts";
import { RequestNotes } from "./request_record.ts";
import { checkHost, requestPath } from "./request_path.ts";
import { methodsOf, routeFor, routes, routesAt } from "./routes.ts";
import { type ServerOptions, serverSettings } from "./server_options.ts";
import { checkSteering } from "./steering.ts";
import type { Exchange, Service } from "./service.ts";

/** Answers requests; what {@linkcode createHandler} makes. */
export interface Handler extends Disposable {
  (request: Request): Promise<Response>;
  /** How many requests are being answered. */
  readonly numRunning: number;
  /** How much there may be at a time. */
  readonly capacity: ServerCapacity;
  /**
   * Ends: from now on requests are refused with status 503. Those that run are waited for, and after some time aborted.
   *
   * @param graceMs how long they may take
   */
  drain(graceMs: number): Promise<void>;
  /** Aborts what is running, and gives the memory of texts back that were kept. A second call does nothing. */
  [Symbol.dispose](): void;
}

/** How much a server may have to do, and to remember, at a time. */
export interface ServerCapacity {
  /** The most texts that are written. */
  readonly maxTexts: number;
  /** The most requests that wait. */
  readonly maxWaiting: number;
  /** The most texts that are kept for prompts to come. */
  readonly maxKeptTexts: number;
  /** The memory for keys and values of all texts, if each fills the context. It is taken as texts grow. */
  readonly maxCacheBytes: number;
}

/** Reasons to end that are nobody's fault: there is no one left to be told. */
const CLIENT_GONE = 499;

/**
 * Serves a model over HTTP, in the forms of OpenAI's completions and of what evaluation harnesses ask for: `docs/server.md` has
 * all endpoints.
 *
 * ```ts
 * import { GPT2 } from "@allformers/gpt2";
 * import { createHandler } from "@allformers/gpt2/serve";
 *
 * using model = await GPT2.fromPretrained("demo");
 * using handler = createHandler(model, { modelName: "demo" });
 * const body = JSON.stringify({ prompt: "ROMEO:", max_tokens: 8, seed: 1 });
 * const headers = { "content-type": "application/json" };
 * const request = new Request("http://localhost/v1/completions", { method: "POST", headers, body });
 * const { choices } = await (await handler(request)).json();
 * console.log(choices[0].text); // or: Deno.serve(handler)
 * ```
 *
 * The model may be used otherwise at the same time; dispose of the handler first.
 *
 * @param model has to have a tokenizer
 * @param options see {@linkcode ServerOptions}
 * @throws {TypeError} if there is no such option, one has the wrong type, or the model has no tokenizer
 * @throws {RangeError} if an option is out of range
 */
export function createHandler(model: GPT2, options: ServerOptions = {}): Handler {
  if (!(model instanceof GPT2) || model.tokenizer === undefined) {
    throw new TypeError(
      `Cannot serve a model: it must be a GPT2 with a tokenizer: received ${describe(model)}.`,
    );
  }
  const exchanges = new Exchanges(model, options);
  return Object.defineProperties(
    (request: Request) => exchanges.answer(request),
    {
      numRunning: { get: () => exchanges.numRunning },
      capacity: { value: exchanges.capacity },
      drain: { value: (graceMs: number) => exchanges.drain(graceMs) },
      [Symbol.dispose]: { value: () => exchanges[Symbol.dispose]() },
    },
  ) as unknown as Handler;
}

/** All requests that are being answered. */
class Exchanges {
  readonly capacity: ServerCapacity;
  readonly #service: Service;
  readonly #authorization: Authorization;
  readonly #cors: Cors;
  readonly #onError: ServerOptions["onError"];
  readonly #onRequest: ServerOptions["onRequest"];
  readonly #maxRunning: number;
  readonly #running = new Map<Exchange, Promise<unknown>>();
  #isEnding = false;

  constructor(model: GPT2, options: ServerOptions) {
    const settings = serverSettings(model, options);
    const { maxTexts, maxWaiting, maxKeptTexts, modelName } = settings;
    const { contextLength } = model.config;
    const maxTokens = maxKeptTexts * contextLength;
    const engine = engineOf(model)!;
    const maxCacheBytes = cacheBytes(engine.model, maxTexts + maxKeptTexts, contextLength);
    this.capacity = { maxTexts, maxWaiting, maxKeptTexts, maxCacheBytes };
    this.#service = {
      model,
      engine,
      modelName,
      allowSpecial: settings.allowSpecial,
      maxTexts,
      adapters: checkAdapters(settings.adapters, modelName, engine),
      steering: checkSteering(settings.steering, model.config),
      startedAt: Math.floor(Date.now() / 1000),
      admission: new Admission({ maxTexts, maxWaiting }),
      bodies: new Bodies(),
      prefixes: new PrefixCache(model, { maxTexts: maxKeptTexts, maxTokens }),
      metrics: new Metrics(),
    };
    this.#authorization = new Authorization(settings.apiKeys);
    this.#cors = new Cors(settings.cors);
    this.#onError = settings.onError;
    this.#onRequest = settings.onRequest;
    this.#maxRunning = maxTexts + maxWaiting + MAX_OTHER_REQUESTS;
  }

  get numRunning(): number {
    return this.#running.size;
  }

  async answer(request: Request): Promise<Response> {
    const notes = new RequestNotes(request.method, requestPath(request));
    let endpoint = "unknown";
    let response: Response;
    try {
      const { method, path } = notes;
      checkHost(request.headers);
      // `OPTIONS *` is about all of them.
      const isAboutAll = method === "OPTIONS" && path === "/*";
      const there = isAboutAll ? routes : routesAt(path);
      if (!isAboutAll) endpoint = there[0].path;
      if (method === "OPTIONS") response = this.#cors.preflight(request, methodsOf(there));
      else {
        const route = routeFor(method, there);
        if (!route.isOpen) this.#authorization.check(request.headers);
        this.#checkRoom();
        response = await this.#run(request, notes, route.endpoint);
      }
    } catch (error) {
      response = this.#refuse(request, error);
    }
    this.#service.metrics.countRequest(endpoint, response.status);
    response.headers.set("x-request-id", notes.id);
    this.#cors.allow(request, response.headers);
    // An answer that is streamed ends later.
    Promise.allSettled(notes.ends).then(() => this.#tell(response.status, notes));
    return response;
  }

  #tell(status: number, notes: RequestNotes): void {
    try {
      this.#onRequest?.(notes.record(status));
    } catch (error) {
      this.#onError?.(error);
    }
  }

  async #run(
    request: Request,
    notes: RequestNotes,
    endpoint: (exchange: Exchange) => Response | Promise<Response>,
  ): Promise<Response> {
    const stop = new AbortController();
    const { path, id, beganAt, usage, ends } = notes;
    let goneAt: number | undefined;
    const leave = (reason: unknown) => {
      goneAt ??= performance.now();
      stop.abort(reason);
    };
    const exchange: Exchange = {
      request,
      path,
      service: this.#service,
      signal: stop.signal,
      beganAt,
      id,
      usage,
      report: (error) => this.#report(error),
      abort: (reason) => stop.abort(reason),
      leave,
      until: (promise) => void ends.push(promise),
    };
    const listener = onAbort(request.signal, () => leave(request.signal.reason));
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#running.set(exchange, promise);
    try {
      return await endpoint(exchange);
    } finally {
      // An answer that is streamed ends later.
      Promise.allSettled(ends).then(() => {
        notes.isCutOff = stop.signal.aborted;
        listener[Symbol.dispose]();
        this.#running.delete(exchange);
        if (goneAt !== undefined) {
          this.#service.metrics.cancelTime.observe((performance.now() - goneAt) / 1000);
        }
        resolve();
      });
    }
  }

  #checkRoom(): void {
    if (this.#isEnding) throw serverEnds();
    if (this.#running.size < this.#maxRunning || this.#service.bodies.endSlowest()) return;
    throw overloaded(`The server answers ${this.#running.size} requests. Try again later.`, 1);
  }

  #refuse(request: Request, error: unknown): Response {
    if (request.signal.aborted) return new Response(null, { status: CLIENT_GONE });
    if (this.#isEnding && error instanceof DOMException) {
      return serverEnds().toResponse();
    }
    this.#report(error);
    return toApiError(error).toResponse();
  }

  #report(error: unknown): void {
    if (toApiError(error).status >= 500 && !(error instanceof ApiError)) this.#onError?.(error);
  }

  async drain(graceMs: number): Promise<void> {
    this.#isEnding = true;
    const ends = Promise.allSettled(this.#running.values());
    const timer = setTimeout(() => this.#abort(), graceMs);
    await ends;
    clearTimeout(timer);
    this.#service.prefixes.clear();
  }

  #abort(): void {
    const reason = new DOMException("The server ends", "AbortError");
    for (const exchange of this.#running.keys()) exchange.abort(reason);
  }

  [Symbol.dispose](): void {
    this.#isEnding = true;
    this.#abort();
    this.#service.prefixes.clear();
  }
}
