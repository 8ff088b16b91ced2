import { assert, assertEquals } from "@std/assert";
import {
  cutText,
  padTextEnd,
  padTextStart,
  textWidth,
} from "../../../src/cli/terminal/text_width.ts";
import { table } from "../../../src/cli/terminal/table.ts";
import { tokenCell, tokenWidth } from "../../../src/cli/explain/layout.ts";

Deno.test("textWidth() counts cells of a terminal", () => {
  const widths: [text: string, width: number][] = [
    ["", 0],
    ["abc", 3],
    ["häß", 3],
    ["a\u0308", 1],
    ["日本語", 6],
    ["ｱｲ", 2],
    ["ＡＢ", 4],
    ["한글", 4],
    ["\u1112\u1161\u11ab", 2],
    ["、。", 4],
    ["🙂", 2],
    ["👩\u200d🔬", 2],
    ["❤\ufe0f", 2],
    ["❤", 1],
    ["🇩🇪", 2],
    ["\u200b", 0],
    ["█▉…", 3],
    ["שלום", 4],
  ];
  for (const [text, width] of widths) assertEquals(textWidth(text), width, JSON.stringify(text));
});

Deno.test("cutText() cuts between characters, and what is padded has the width", () => {
  const text = "a日👩\u200d🔬e\u0301z";
  for (let width = 1; width <= 9; width++) {
    const cut = cutText(text, width);
    assert(textWidth(cut) <= width);
    assert(cut === text || text.startsWith(cut.slice(0, -1)) && cut.endsWith("…"));
    assert(cut.isWellFormed());
    assertEquals(textWidth(padTextEnd(cut, 9)), 9);
    assertEquals(textWidth(padTextStart(cut, 9)), 9);
  }
  assertEquals(cutText(text, 7), text);
  assertEquals(cutText(text, 3), "a…");
  assertEquals(cutText("日本", 3, ""), "日");
});

Deno.test("columns stay columns, whatever is in them", () => {
  const tokens = ["日本語日本語日本語", " the", "🙂", ""].map((text, id) => ({ id, text }));
  const width = tokenWidth(tokens, 12);
  assertEquals(width, 12);
  for (const token of tokens) assertEquals(textWidth(tokenCell(token, width)), 12);
  const [, first, second] = table("", [["日本", "x"], ["abcde", "y"]]).split("\n");
  assertEquals(textWidth(first.slice(0, first.indexOf("x"))), second.indexOf("y"));
});
