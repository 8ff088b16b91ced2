import { assertEquals, assertMatch } from "@std/assert";
import { ReadingBar } from "../../../src/cli/generate/reading_bar.ts";
import { keptOutput } from "../terminal/kept_output.ts";

const TERMINAL = { isTerminal: true, isDecorated: true, numColumns: () => 120 };

Deno.test("ReadingBar shows nothing of what is soon done", async () => {
  const { output, writes } = keptOutput(TERMINAL);
  await using bar = new ReadingBar(output, Infinity);
  bar.show({ numReadTokens: 0, numTokens: 100 });
  bar.show({ numReadTokens: 100, numTokens: 100 });
  await bar.end();
  assertEquals(writes, []);
});

Deno.test("ReadingBar shows how far reading is, until it has ended", async () => {
  const { output, writes } = keptOutput(TERMINAL);
  await using bar = new ReadingBar(output, 0);
  bar.show({ numReadTokens: 512, numTokens: 1024 });
  await bar.end();
  // What is read again when the context is full comes in the middle of the text.
  bar.show({ numReadTokens: 0, numTokens: 512 });
  assertEquals(writes.length, 2);
  assertMatch(
    writes[0],
    /^\rReading the prompt \[#{15}-{15}\] {2}50 % {2}512 of 1,024 tokens, \d+ s/,
  );
  assertEquals(writes[1], "\r\x1b[K");
});

Deno.test("ReadingBar shows nothing for a few tokens", async () => {
  const { output, writes } = keptOutput(TERMINAL);
  await using bar = new ReadingBar(output, 0);
  bar.show({ numReadTokens: 0, numTokens: 31 });
  await bar.end();
  assertEquals(writes, []);
});

Deno.test("ReadingBar is redrawn while nothing happens", async () => {
  const { output, writes } = keptOutput(TERMINAL);
  await using bar = new ReadingBar(output, 0);
  bar.show({ numReadTokens: 0, numTokens: 100 });
  while (writes.length < 3) await new Promise((resolve) => setTimeout(resolve, 10));
  for (const text of writes) assertMatch(text, / 0 % {2}0 of 100 tokens, \d+ s/);
});
