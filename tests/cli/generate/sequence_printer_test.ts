import { assertEquals } from "@std/assert";
import { SequencePrinter } from "../../../src/cli/generate/sequence_printer.ts";
import { keptOutput } from "../terminal/kept_output.ts";

/** What a printer writes for the pieces of texts, piece by piece. */
async function print(
  options: { prompt: string; numSequences: number; isDecorated?: boolean },
  pieces: readonly (readonly [sequence: number, text: string, hasEnded?: boolean])[],
): Promise<readonly string[]> {
  const { isDecorated = false } = options;
  const { output, writes } = keptOutput({ isTerminal: isDecorated, isDecorated });
  const printer = new SequencePrinter(output, options);
  for (const [sequence, text, hasEnded = false] of pieces) {
    await printer.add(sequence, text, hasEnded);
  }
  await printer.end();
  return writes;
}

Deno.test("SequencePrinter streams a single text and ends its line", async () => {
  const writes = await print({ prompt: "Once", numSequences: 1 }, [[0, " upon"], [0, " a", true]]);
  assertEquals(writes, ["Once", " upon", " a", "\n"]);
});

Deno.test("SequencePrinter adds no line break to one that is there", async () => {
  const writes = await print({ prompt: "", numSequences: 1 }, [[0, "x\n"], [0, "", true]]);
  assertEquals(writes, ["x\n"]);
});

Deno.test("SequencePrinter writes several texts one below the other", async () => {
  const writes = await print({ prompt: "P", numSequences: 3 }, [
    [0, "a"],
    [1, "x"],
    [2, "7", true],
    [0, "b", true],
    [1, "y"],
    [1, "z", true],
  ]);
  assertEquals(
    writes.join(""),
    "=== 1 of 3 ===\nPab\n=== 2 of 3 ===\nPxyz\n=== 3 of 3 ===\nP7\n",
  );
});

Deno.test("SequencePrinter numbers texts that never got a token", async () => {
  const writes = await print({ prompt: "P", numSequences: 2 }, []);
  assertEquals(writes.join(""), "=== 1 of 2 ===\nP\n=== 2 of 2 ===\nP\n");
});

Deno.test("SequencePrinter shows the prompt in bold where colours are welcome", async () => {
  const writes = await print({ prompt: "P", numSequences: 1, isDecorated: true }, [[0, "a", true]]);
  assertEquals(writes.join(""), "\x1b[1mP\x1b[0ma\n");
});
