/**
 * `GET /`: the page on which one writes with the model.
 *
 * @module
 */
import { PAGE_HTML } from "./page_html.ts";
import { PAGE_SCRIPT } from "./page_script.ts";
import { PAGE_STYLE } from "./page_style.ts";

/** Made once: the page is the same for everybody, and has nothing that only some may see. */
let headers: Promise<Record<string, string>> | undefined;

/** The page. */
export async function page(): Promise<Response> {
  return new Response(PAGE_HTML, { headers: await (headers ??= pageHeaders()) });
}

/** What a browser is told: only this style and this script count, and nobody but this server is asked for anything. */
async function pageHeaders(): Promise<Record<string, string>> {
  const policy = [
    "default-src 'none'",
    `script-src '${await sourceHash(PAGE_SCRIPT)}'`,
    `style-src '${await sourceHash(PAGE_STYLE)}'`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ];
  return {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": policy.join("; "),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
  };
}

async function sourceHash(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `sha256-${new Uint8Array(hash).toBase64()}`;
}
