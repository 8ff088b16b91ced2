import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { ApiError } from "../../src/server/api_error.ts";
import { checkStructure } from "../../src/server/body_structure.ts";
import { MAX_BODY_DEPTH, MAX_BODY_PARTS } from "../../src/server/limits.ts";
import { post, refusal, serving } from "./serving.ts";

function check(text: string): void {
  checkStructure(new TextEncoder().encode(text));
}

function nested(depth: number): string {
  return "[".repeat(depth) + "]".repeat(depth);
}

Deno.test("checkStructure() counts objects, arrays and names, and how deep they are", () => {
  check(nested(MAX_BODY_DEPTH));
  assertThrows(() => check(nested(MAX_BODY_DEPTH + 1)), ApiError, "256 deep");
  const empty = (count: number) => `[${Array(count - 1).fill("{}").join()}]`;
  check(empty(MAX_BODY_PARTS));
  assertThrows(() => check(empty(MAX_BODY_PARTS + 1)), ApiError, "at most 32768");
  const names = (count: number) => `{${Array.from({ length: count }, (_, i) => `"${i}":1`)}}`;
  check(names(MAX_BODY_PARTS - 1));
  assertThrows(() => check(names(MAX_BODY_PARTS)), ApiError, "at most 32768");
});

Deno.test("checkStructure() does not count what is in texts", () => {
  const texts = ["[{:".repeat(MAX_BODY_PARTS), '"[\\"'.repeat(MAX_BODY_PARTS), "\\", '\\"', ""];
  check(JSON.stringify(texts));
  check(JSON.stringify(Array(MAX_BODY_PARTS).fill(texts[3])));
  check(`"${"[".repeat(MAX_BODY_PARTS)}`);
  const behind = `["${"\\\\".repeat(3)}",${nested(MAX_BODY_DEPTH)}]`;
  assertThrows(() => check(behind), ApiError, "deep");
});

Deno.test("a body of a hundred thousand names is refused, and a long one of tokens is not", async () => {
  using handler = serving();
  const keys = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, 1]));
  const { status, code, message } = await refusal(handler, post("/v1/completions", keys));
  assertEquals([status, code], [400, "body_too_complex"]);
  assertMatch(
    message,
    /^The body must have at most 32768 objects, arrays and names: received more/,
  );
  const tokens = Array(500_000).fill(7);
  const refused = await refusal(handler, post("/v1/completions", { prompt: tokens }));
  assertEquals(refused.code, "context_length_exceeded");
});
