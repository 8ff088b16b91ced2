import { assert, assertEquals } from "@std/assert";
import { wrapText } from "../../../src/cli/terminal/wrap_text.ts";
import { runCli } from "../run_cli.ts";
import { keptOutput } from "./kept_output.ts";

Deno.test("wrapText() breaks between words, and only lines that are too long", () => {
  assertEquals(wrapText("one two three\nfour", 13), "one two three\nfour");
  assertEquals(wrapText("one two three\nfour", 12), "one two\nthree\nfour");
  assertEquals(wrapText("  one two three", 10), "  one two\n  three");
  assertEquals(wrapText("two three", 10, { column: 5 }), "two\nthree");
  assertEquals(wrapText("# one two", 8, { indent: "# " }), "# one\n# two");
  assertEquals(wrapText("see /a/path/that/is/long now", 9), "see\n/a/path/that/is/long\nnow");
  assertEquals(wrapText('Cannot open "a b\\" c d": no', 9), 'Cannot\nopen\n"a b\\" c d":\nno');
  assertEquals(wrapText('a "b c', 4), 'a "b\nc');
  assertEquals(wrapText("日本 日本 日本", 9), "日本 日本\n日本");
});

Deno.test("wrapText() goes on where the last column of a table begins, if there is room", () => {
  assertEquals(wrapText("  name  of this and that", 17), "  name  of this\n        and that");
  assertEquals(wrapText("  a long name  of this", 17), "  a long name  of\n    this");
  // Spaces in what is quoted part no columns.
  assertEquals(wrapText('  name  of "a  b" that', 17), '  name  of "a  b"\n        that');
  assertEquals(wrapText('  name  "a  b  c d e"', 17), '  name  "a  b  c d e"');
});

Deno.test("an output of prose knows where the line before a text ends", async () => {
  const { output, writes } = keptOutput({ isTerminal: true, isProse: true, numColumns: () => 12 });
  await output.write("error:");
  await output.write(" one two\n");
  await output.write("one two thre\n");
  await output.writeLines([["one ", "two three"], ["four"]]);
  assertEquals(writes.join(""), "error: one\ntwo\none two\nthre\none two\nthree\nfour\n");
});

Deno.test("what a terminal is told has no line that it would break inside a word", async () => {
  const commands = [
    ["score", "To be, or not to be", "--model", "demo"],
    ["score", "To be, or not to be", "--model", "demo", "--top", "4"],
    ["doctor"],
    ["perplexity", "deno.json", "--model", "demo"],
    ["info", "demo"],
    ["info", "demo", "--tensors"],
    ["compare", "demo"],
    ["generate", "--tree", "--temperature", "2", "--model", "demo", "x"],
    ["evaluate", "--task", "nothing", "deno.json", "--model", "demo"],
  ];
  for (const args of commands) {
    for (const numColumns of [60, 80]) {
      const { stdout, stderr } = await runCli(args, { isTerminal: true, numColumns });
      // deno-lint-ignore no-control-regex
      const plain = (stdout + stderr).replace(/.*\r/g, "").replace(/\x1b\[[\d;]*[mK]/g, "");
      for (const line of plain.split("\n")) {
        // What is quoted stays whole.
        const isOneWord = !/\S \S/.test(line.replace(/"(?:\\.|[^"\\])*"/g, "quoted"));
        assert(line.length < numColumns || isOneWord, `${args.join(" ")}, ${numColumns}: ${line}`);
      }
    }
  }
});
