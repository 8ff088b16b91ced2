import { assertEquals, assertRejects } from "@std/assert";
import { mergeCheckpoint } from "../../../src/checkpoint/adapters/merge_checkpoint.ts";
import { readAdapter } from "../../../src/checkpoint/adapters/read_adapter.ts";
import { convertCheckpoint } from "../../../src/checkpoint/convert.ts";
import { openCheckpoint } from "../../../src/checkpoint/open_checkpoint.ts";
import { GPT2 } from "../../../src/gpt2.ts";
import { GPT2Config } from "../../../src/model/config.ts";
import { ADAPTER_TARGETS } from "../../../src/model/adapter_weights.ts";
import { openLibrary } from "../../../src/native_library/native_library.ts";
import { assertClose } from "../../close.ts";
import { randomAdapter } from "../../model/random_adapter.ts";
import { TemporaryFolder } from "../folders.ts";
import { adapterPath, baseConfig, basePath, expected } from "./fixtures.ts";

await openLibrary();

/** What is promised: F32 logits equal those of PEFT within this. */
const LOGIT_TOLERANCE = 1e-4;
/** The same sums in another order. */
const MERGED_TOLERANCE = 2e-5;

async function logitsOf(path: string, adapters: readonly string[] = []): Promise<Float32Array> {
  using model = await GPT2.fromPretrained(path, { threads: 2 });
  const loaded = await Promise.all(adapters.map((name) => model.loadAdapter(adapterPath(name))));
  return (await model.forward(expected.tokens, { logits: "last", adapters: loaded })).logits;
}

const named = async (name: string, scale = 1) => {
  return { adapter: await readAdapter(adapterPath(name), baseConfig), scale };
};

for (const file of ["merged", "merged.gguf"]) {
  Deno.test(`mergeCheckpoint() writes a model that computes what adapters do: ${file}`, async () => {
    using folder = new TemporaryFolder();
    const path = folder.file(file);
    using checkpoint = await openCheckpoint(basePath);
    await mergeCheckpoint(checkpoint, [await named("plain"), await named("patterns")], path);
    const logits = await logitsOf(path);
    assertClose(logits, expected.both, LOGIT_TOLERANCE, "logits of PEFT");
    const unmerged = await logitsOf(basePath, ["plain", "patterns"]);
    assertClose(logits, unmerged, MERGED_TOLERANCE, "logits with adapters");
  });
}

Deno.test("mergeCheckpoint() adds as much of an adapter as is asked for", async () => {
  using folder = new TemporaryFolder();
  const path = folder.file("merged");
  using checkpoint = await openCheckpoint(basePath);
  await mergeCheckpoint(checkpoint, [await named("plain", 0.5)], path);
  assertClose(await logitsOf(path), expected["half of plain"], LOGIT_TOLERANCE, "logits");
});

Deno.test("mergeCheckpoint() keeps the type of a GGUF file, and all else of it", async () => {
  using folder = new TemporaryFolder();
  const [base, path] = [folder.file("base.gguf"), folder.file("merged.gguf")];
  await convertCheckpoint(basePath, base, { type: "q8_0" });
  using checkpoint = await openCheckpoint(base);
  const adapter = await named("single");
  await mergeCheckpoint(checkpoint, [adapter], path);
  using merged = await openCheckpoint(path);
  const types = ({ weights }: typeof merged) => [...weights.values()].map(({ dtype }) => dtype);
  assertEquals(types(merged), types(checkpoint));
  assertEquals([...merged.gguf!.metadata], [...checkpoint.gguf!.metadata]);
  const changed = new Set(adapter.adapter.weights.map(({ name }) => `${name}.weight`));
  for (const [name, { spec, dtype }] of checkpoint.weights) {
    const rows = (from: typeof merged) => {
      const bytes = new Uint8Array(bytesOf(spec.shape, dtype));
      from.readRows(name, 0, bytes);
      return bytes;
    };
    assertEquals(String(rows(merged)) === String(rows(checkpoint)), !changed.has(name), name);
  }
});

/** Of F32 or Q8_0. */
function bytesOf(shape: readonly number[], dtype: string): number {
  const count = shape.reduce((product, size) => product * size, 1);
  return dtype === "f32" ? 4 * count : count / 32 * 34;
}

Deno.test("mergeCheckpoint() replaces nothing that it was not told to", async () => {
  using folder = new TemporaryFolder();
  using checkpoint = await openCheckpoint(basePath);
  const adapters = [await named("plain")];
  for (const file of ["merged", "merged.gguf"]) {
    const path = folder.file(file);
    await mergeCheckpoint(checkpoint, adapters, path);
    await assertRejects(
      () => mergeCheckpoint(checkpoint, adapters, path),
      Deno.errors.AlreadyExists,
      "it exists already",
    );
    await mergeCheckpoint(checkpoint, adapters, path, { overwrite: true });
  }
  await assertRejects(
    () => mergeCheckpoint(checkpoint, adapters, basePath, { overwrite: true }),
    Deno.errors.AlreadyExists,
    "it is the model to merge into",
  );
});

Deno.test("mergeCheckpoint() throws when an adapter is for a model of another size", async () => {
  using folder = new TemporaryFolder();
  using checkpoint = await openCheckpoint(basePath);
  const other = new GPT2Config({ ...baseConfig, numLayers: 3 });
  const adapter = randomAdapter(other, { rank: 2, targets: ADAPTER_TARGETS });
  await assertRejects(
    () => mergeCheckpoint(checkpoint, [{ adapter, scale: 1 }], folder.file("merged")),
    RangeError,
    "the model has 2 blocks",
  );
  assertEquals(folder.names(), []);
});
