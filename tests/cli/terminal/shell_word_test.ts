import { assertEquals } from "@std/assert";
import { shellWord } from "../../../src/cli/terminal/shell_word.ts";

/** What a text costs a shell. */
const AWKWARD = [
  "",
  "my run",
  "it's",
  '"',
  "$HOME",
  "a;b",
  "a\nb",
  "*",
  "~",
  "`id`",
  "ö",
  "-n",
  "\\",
];

Deno.test({
  name: "shellWord() is one word to a shell, and the same text",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const words = AWKWARD.map((text) => shellWord(text, false)).join(" ");
    const { stdout } = await new Deno.Command("sh", {
      args: ["-c", `for word in ${words}; do printf '%s\\0' "$word"; done`],
    }).output();
    assertEquals(new TextDecoder().decode(stdout).split("\0"), [...AWKWARD, ""]);
  },
});

Deno.test("shellWord() leaves paths alone that need no quotes", () => {
  assertEquals(shellWord("runs/a-1_2.bin", false), "runs/a-1_2.bin");
  assertEquals(shellWord("C:\\runs\\a", true), "C:\\runs\\a");
  assertEquals(shellWord("C:\\my runs", true), '"C:\\my runs"');
});
