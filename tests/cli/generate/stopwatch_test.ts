import { assert, assertEquals } from "@std/assert";
import { Stopwatch } from "../../../src/cli/generate/stopwatch.ts";

function wait(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}

Deno.test("tokensPerSecond counts what comes after the first token of each sequence", () => {
  const stopwatch = new Stopwatch();
  stopwatch.startGenerating();
  wait(20);
  for (let i = 0; i < 5; i++) {
    wait(2);
    stopwatch.countToken();
  }
  const { firstTokenMs, decodeMs, tokensPerSecond, numNewTokens } = stopwatch.timings(3, 1);
  assertEquals(numNewTokens, 5);
  assert(firstTokenMs >= 22 && decodeMs >= 8);
  assertEquals(tokensPerSecond, 4 / decodeMs * 1000);
});

Deno.test("tokensPerSecond of texts that come as a whole counts the time that they took", () => {
  const stopwatch = new Stopwatch();
  stopwatch.startGenerating();
  wait(20);
  for (let i = 0; i < 5; i++) stopwatch.countToken();
  const { firstTokenMs, decodeMs, tokensPerSecond } = stopwatch.timings(3, 1, true);
  assert(Math.abs(tokensPerSecond! - 5 / (firstTokenMs + decodeMs) * 1000) < 1e-6);
  assert(tokensPerSecond! <= 5 / 0.02);
});
