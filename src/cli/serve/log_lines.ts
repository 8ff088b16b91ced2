/**
 * What a server tells of itself, line by line.
 *
 * @module
 */
import type { RequestRecord, ServerCapacity } from "../../serve.ts";
import { jsonText, lineText } from "../terminal/terminal_text.ts";
import { bytesText, countText, numberText } from "../terminal/units.ts";

/**
 * What is served, where, and how much at a time.
 *
 * @param url left out where it is told otherwise
 */
export function startLine(
  modelName: string,
  weightType: string,
  url: string | undefined,
  { maxTexts, maxKeptTexts, maxCacheBytes }: ServerCapacity,
): string {
  return `serving ${lineText(modelName)} (${weightType})${
    url === undefined ? "" : ` at ${url}`
  }: ` +
    `${countText(maxTexts, "text")} at a time and ${countText(maxKeptTexts, "kept text")}, ` +
    `with up to ${bytesText(maxCacheBytes)} of keys and values`;
}

/** What is waited for when the server has been asked to end. */
export function waitLine(numRequests: number, graceSeconds: number): string {
  return `waiting up to ${numberText(graceSeconds)} s for ${
    countText(numRequests, "request")
  }; Ctrl-C again ends now`;
}

/** A request, as a line for people or as a JSON object. What a client has sent cannot drive a terminal. */
export function logLine(
  { begin, method, path, ...record }: RequestRecord,
  format: "text" | "json",
): string {
  const time = begin.toISOString();
  const shown = { method: lineText(method, 20), path: lineText(path, 200) };
  if (format === "json") return jsonText({ time, ...shown, ...record });
  const { status, elapsedMs, isCutOff, numPromptTokens, numReusedTokens, numWrittenTokens } =
    record;
  const tokens = `${countText(numPromptTokens, "token")} read (${
    numberText(numReusedTokens)
  } remembered), ${numberText(numWrittenTokens)} written`;
  return [
    `${time} ${shown.method} ${shown.path} ${status} ${elapsedMs.toFixed(1)} ms`,
    ...numPromptTokens > 0 ? [tokens] : [],
    ...isCutOff ? ["cut off"] : [],
  ].join(", ");
}
