import { assertEquals } from "@std/assert";
import { logLine, startLine } from "../../../src/cli/serve/log_lines.ts";
import type { RequestRecord } from "../../../src/serve.ts";

const record: RequestRecord = {
  id: "5f0c",
  begin: new Date("2026-11-28T18:00:00.123Z"),
  method: "POST",
  path: "/v1/completions",
  status: 200,
  elapsedMs: 134.25,
  isCutOff: false,
  numPromptTokens: 12,
  numReusedTokens: 4,
  numWrittenTokens: 16,
};

Deno.test("logLine() has time, method, path, status, milliseconds and tokens", () => {
  assertEquals(
    logLine(record, "text"),
    "2026-11-28T18:00:00.123Z POST /v1/completions 200 134.3 ms, 12 tokens read (4 remembered), 16 written",
  );
  const none = { ...record, path: "/health", numPromptTokens: 0, isCutOff: true };
  assertEquals(
    logLine(none, "text"),
    "2026-11-28T18:00:00.123Z POST /health 200 134.3 ms, cut off",
  );
});

Deno.test("logLine() writes one JSON object with all of it", () => {
  const { begin, ...rest } = record;
  const line = logLine(record, "json");
  assertEquals(JSON.parse(line), { time: begin.toISOString(), ...rest });
  assertEquals(line.split("\n").length, 1);
});

Deno.test("logLine() stays one short line whatever a client has sent", () => {
  const hostile = { ...record, method: "A".repeat(999), path: `/\x1b[2J\n${"b".repeat(9999)}` };
  for (const format of ["text", "json"] as const) {
    const line = logLine(hostile, format);
    assertEquals([line.includes("\x1b"), line.includes("\n"), line.length < 700], [
      false,
      false,
      true,
    ]);
  }
});

Deno.test("startLine() says what is served, where, and how much at a time", () => {
  const capacity = { maxTexts: 32, maxWaiting: 128, maxKeptTexts: 1, maxCacheBytes: 1_245_708_288 };
  assertEquals(
    startLine("gpt2", "q8_0", "http://127.0.0.1:8080", capacity),
    "serving gpt2 (q8_0) at http://127.0.0.1:8080: 32 texts at a time and 1 kept text, with up to 1.2 GB of keys and values",
  );
});
