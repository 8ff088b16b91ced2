import { assertEquals } from "@std/assert";
import { Random } from "../../src/base/random.ts";
import { PieceCounter } from "../../src/tokenizer/piece_counter.ts";
import { awkwardTexts } from "./awkward_texts.ts";

/** The pieces of a text that comes in these parts, with their counts. */
function count(parts: Iterable<string>): [string, number][] {
  const counter = new PieceCounter();
  for (const part of parts) counter.add(part);
  counter.endText();
  const pieces = Array.from(counter.pieces(), (bytes) => new TextDecoder().decode(bytes));
  return pieces.map((piece, index) => [piece, counter.counts[index]]);
}

Deno.test("PieceCounter counts the pieces of a text", () => {
  assertEquals(count(["the cat, the  cat's"]), [
    ["the", 1],
    [" cat", 2],
    [",", 1],
    [" the", 1],
    [" ", 1],
    ["'s", 1],
  ]);
});

Deno.test("PieceCounter counts the same however a text is cut into parts", () => {
  const random = new Random(1);
  const texts = [
    ...Object.values(awkwardTexts),
    "they've you're I'll x'r y'l z'",
    "\ud801\udc00\ud801\udc01a 👩‍🚀  \n b",
  ];
  for (const text of texts) {
    const whole = count([text]);
    assertEquals(count(text.split("")), whole, text.slice(0, 40));
    const parts: string[] = [];
    for (let at = 0; at < text.length;) {
      const length = 1 + random.nextUint32() % 7;
      parts.push(text.slice(at, at += length));
    }
    assertEquals(count(parts), whole, text.slice(0, 40));
  }
});

Deno.test("PieceCounter does not join the end of a text and the beginning of the next one", () => {
  const counter = new PieceCounter();
  for (const text of ["ab", "ab"]) {
    counter.add(text);
    counter.endText();
  }
  assertEquals(counter.counts, [2]);
});
