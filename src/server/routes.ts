/**
 * Which endpoint answers what.
 *
 * @module
 */
import { health, listModels, metrics, refuseChat, showModel } from "./about.ts";
import { ApiError } from "./api_error.ts";
import { completions } from "./completions/endpoint.ts";
import { score } from "./score.ts";
import type { Endpoint } from "./service.ts";
import { detokenize, tokenize, tokenizerInfo } from "./tokens.ts";

/** A place where the server answers. */
export interface Route {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly endpoint: Endpoint;
  /** Whether no key is asked for, and the server answers while it ends. */
  readonly isOpen?: boolean;
}

/** The page is loaded when somebody asks for it. */
async function showPage(): Promise<Response> {
  return (await import("./page/page.ts")).page();
}

/** Where the server answers. */
export const routes: readonly Route[] = [
  { method: "GET", path: "/", endpoint: showPage, isOpen: true },
  { method: "POST", path: "/v1/completions", endpoint: completions },
  { method: "POST", path: "/v1/score", endpoint: score },
  { method: "POST", path: "/v1/chat/completions", endpoint: refuseChat },
  { method: "GET", path: "/v1/models", endpoint: listModels },
  { method: "GET", path: "/v1/models/:name+", endpoint: showModel },
  { method: "POST", path: "/tokenize", endpoint: tokenize },
  { method: "POST", path: "/detokenize", endpoint: detokenize },
  { method: "GET", path: "/tokenizer_info", endpoint: tokenizerInfo },
  { method: "GET", path: "/metrics", endpoint: metrics },
  { method: "GET", path: "/health", endpoint: health, isOpen: true },
];

const patterns = routes.map((route) => ({
  route,
  pattern: new URLPattern({ pathname: route.path }),
}));

/**
 * The routes for a path: one for each method, with the same path.
 *
 * @throws {ApiError} 404 if there is none
 */
export function routesAt(pathname: string): readonly Route[] {
  const there = patterns.filter(({ pattern }) => pattern.test({ pathname }));
  if (there.length > 0) return there.map(({ route }) => route);
  const paths = routes.filter(({ endpoint }) => endpoint !== refuseChat)
    .map(({ path }) => path.replace(/:(\w+)\+/, "<$1>"));
  throw new ApiError(404, `There is nothing at this address. Try ${paths.join(", ")}.`, {
    type: "not_found_error",
    code: "unknown_url",
  });
}

/**
 * The methods that routes take, for the header `allow`.
 *
 * @param there those of a path
 */
export function methodsOf(there: readonly Route[]): string {
  const methods = there.flatMap(({ method }) => method === "GET" ? ["GET", "HEAD"] : [method]);
  return [...new Set(methods), "OPTIONS"].join(", ");
}

/**
 * The route for a method. What may be gotten has a head too.
 *
 * @param there those of a path
 * @throws {ApiError} 405 if there is none
 */
export function routeFor(method: string, there: readonly Route[]): Route {
  const wanted = method === "HEAD" ? "GET" : method;
  const found = there.find((route) => route.method === wanted);
  if (found !== undefined) return found;
  const taken = there.map((route) => route.method).join(", ");
  throw new ApiError(405, `This address takes ${taken}: received ${method.slice(0, 20)}.`, {
    code: "method_not_allowed",
    headers: { allow: methodsOf(there) },
  });
}
