/**
 * Which pages of other origins may use the server from a browser.
 *
 * @module
 */

/** The headers that allow them. */
export class Cors {
  readonly #origin: string | undefined;

  /** @param origin whose pages may: `https://example.org`, or `*` for all; without one, none may */
  constructor(origin: string | undefined) {
    this.#origin = origin;
  }

  /**
   * Answers what a browser asks before it sends a request.
   *
   * @param methods that may be sent there
   */
  preflight(request: Request, methods: string): Response {
    const headers = new Headers({ allow: methods });
    if (this.#origin !== undefined) {
      headers.set("access-control-allow-methods", methods);
      // Whatever it wants: the OpenAI client sends a dozen of its own.
      const wanted = request.headers.get("access-control-request-headers");
      headers.set("access-control-allow-headers", wanted ?? "authorization, content-type");
      headers.set("access-control-max-age", "3600");
    }
    return new Response(null, { status: 204, headers });
  }

  /** Adds to an answer what lets a page read it. */
  allow(request: Request, headers: Headers): void {
    if (this.#origin === undefined) return;
    if (this.#origin !== "*") headers.append("vary", "origin");
    const isAllowed = this.#origin === "*" || request.headers.get("origin") === this.#origin;
    if (!isAllowed) return;
    headers.set("access-control-allow-origin", this.#origin);
    headers.set("access-control-expose-headers", "x-request-id, retry-after");
  }
}
