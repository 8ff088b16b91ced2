import { assertEquals } from "@std/assert";
import { convertCheckpoint } from "../../../src/checkpoint/convert.ts";
import { saveGguf } from "../../../src/checkpoint/gguf/save_gguf.ts";
import { loadCheckpoint } from "../../../src/checkpoint/load.ts";
import type { GgufValue } from "../../../src/formats/gguf_value.ts";
import { openLibrary } from "../../../src/native_library/native_library.ts";
import { plainFolder, TemporaryFolder } from "../folders.ts";
import { copyGguf, readGguf } from "../gguf_files.ts";

await openLibrary();

/** Keys that this package does not know, some of them beside those that it does. */
const UNKNOWN: readonly [key: string, value: GgufValue][] = [
  ["general.license", { type: "string", value: "mit" }],
  ["general.tags", { type: "string[]", value: ["a", "b"] }],
  ["general.size_label", { type: "string", value: "tiny" }],
  ["gpt2.of_others", { type: "f32", value: 0.5 }],
  ["tokenizer.ggml.seperator_token_id", { type: "u32", value: 3 }],
  ["tokenizer.chat_template.tool_use", { type: "string", value: "{{ messages }}" }],
  ["someone.else", { type: "bool", value: true }],
];

/** Entries that can be compared, however their lists are held. */
function plain(metadata: ReadonlyMap<string, GgufValue>): Map<string, unknown> {
  return new Map(
    [...metadata].map(([key, { type, value }]) => [
      key,
      [type, ArrayBuffer.isView(value) ? Array.from(value as Int32Array) : value],
    ]),
  );
}

Deno.test("saveGguf() and convertCheckpoint() keep the same metadata of a GGUF file", async () => {
  using folder = new TemporaryFolder();
  const [first, source, converted, saved, bare] = ["first", "source", "converted", "saved", "bare"]
    .map((name) => folder.file(`${name}.gguf`));
  await convertCheckpoint(plainFolder, first, { type: "f16" });
  await copyGguf(first, source, ({ metadata }) => {
    for (const [key, value] of UNKNOWN) metadata.set(key, value);
    metadata.set("general.alignment", { type: "u32", value: 64 }); // Of that file, and of no other.
  });
  await convertCheckpoint(source, converted, { type: "q8_0" });
  const { model, tokenizer } = await loadCheckpoint(source, { threads: 1 });
  using _model = model;
  await saveGguf(model, tokenizer, saved, { type: "q8_0" });
  const kept = readGguf(saved).metadata;
  for (const [key, value] of UNKNOWN) assertEquals(kept.get(key), value, key);
  assertEquals(plain(kept), plain(readGguf(converted).metadata));
  // Without its tokenizer too, but for what would announce one.
  await saveGguf(model, undefined, bare);
  const again = await loadCheckpoint(bare, { threads: 1 });
  using _again = again.model;
  assertEquals(again.tokenizer, undefined);
  for (const [key, value] of UNKNOWN) assertEquals(readGguf(bare).metadata.get(key), value, key);
});
