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
 * The route for a request. What may be gotten has a head too.
 *
 * @throws {ApiError} 404 or 405 if there is none
 */
export function findRoute(method: string, url: string): Route {
  const there = patterns.filter(({ pattern }) => pattern.test(url)).map(({ route }) => route);
  const wanted = method === "HEAD" ? "GET" : method;
  const found = there.find((route) => route.method === wanted);
  if (found !== undefined) return found;
  if (there.length === 0) {
    const paths = routes.map(({ path }) => path.replace(/:(\w+)\+/, "<$1>"));
    throw new ApiError(404, `There is nothing at this address. Try ${paths.join(", ")}.`, {
      type: "not_found_error",
      code: "unknown_url",
    });
  }
  const allow = there.map((route) => route.method).join(", ");
  throw new ApiError(405, `This address takes ${allow}: received ${method.slice(0, 20)}.`, {
    code: "method_not_allowed",
    headers: { allow },
  });
}
