/** Models that are not quite GPT-2: the same weights under other configurations, compared with transformers. */
import { fullLogits } from "../../model/full_logits.ts";
import { assert, assertEquals } from "@std/assert";
import { convertCheckpoint } from "../../../src/checkpoint/convert.ts";
import { loadCheckpoint } from "../../../src/checkpoint/load.ts";
import { assertClose, maxDifference } from "../../close.ts";
import { referencePath } from "../../model/reference.ts";
import { copyFolder, TemporaryFolder } from "../folders.ts";
import { openLibrary } from "../../../src/native_library/native_library.ts";

await openLibrary();

/** Logits are near 1; single precision in another order of summation differs by this at most. */
const TOLERANCE = 1e-5;

interface Reference {
  tokens: number[];
  variants: { config: Record<string, unknown>; logits: number[] }[];
}

const { tokens, variants }: Reference = JSON.parse(
  Deno.readTextFileSync(referencePath("variants.json")),
);

async function lastLogits(path: string, vocabSize: number, count: number): Promise<Float32Array> {
  const { model } = await loadCheckpoint(path, { threads: 1 });
  using _model = model;
  const logits = await fullLogits(model, Int32Array.from(tokens), 1, tokens.length);
  return logits.slice(-vocabSize).subarray(0, count);
}

for (const { config, logits } of variants) {
  Deno.test(`a model with ${JSON.stringify(config)} computes what transformers computes`, async () => {
    using folder = new TemporaryFolder();
    const path = await copyFolder(folder, { config });
    // JSON in JavaScript has no 0.0, which transformers insists on.
    assertClose(await lastLogits(path, 288, logits.length), logits, TOLERANCE);
    const gguf = folder.file("model.gguf");
    await convertCheckpoint(path, gguf, { type: "f32" });
    assertClose(await lastLogits(gguf, 288, logits.length), logits, TOLERANCE);
  });
}

Deno.test("the variants differ by more than the tolerance", () => {
  const [{ logits: plain }] = variants;
  const differing = variants.filter(({ logits }) => maxDifference(logits, plain) > 3 * TOLERANCE);
  assert(differing.length >= variants.length - 2);
  assertEquals(variants.length, 7);
});
