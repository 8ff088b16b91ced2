import { assert, assertEquals, assertRejects } from "@std/assert";
import { FileFormatError } from "../../src/base/errors.ts";
import { Engine } from "../../src/engine/engine.ts";
import { restoreText, saveText } from "../../src/generation/saved_text.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { createModel } from "../../src/model/create_model.ts";
import { TemporaryFolder } from "../checkpoint/folders.ts";

const config = new GPT2Config({
  vocabSize: 97,
  contextLength: 32,
  embeddingDim: 64,
  numHeads: 4,
  numLayers: 1,
});

Deno.test("saveText() tries again after the model could not be computed", async () => {
  using folder = new TemporaryFolder();
  using model = createModel(config, { threads: 1 });
  using engine = new Engine(model);
  using sequence = engine.open();
  const tokens = [1, 2, 3];
  await engine.step([{ sequence, tokens, logits: "last" }]);
  const path = `${folder.path}/text`;
  const { build } = model;
  model.build = () => {
    throw new RangeError("Cannot build: told to fail");
  };
  await assertRejects(() => saveText(engine, { tokens, sequence }, path), RangeError, "told to");
  model.build = build;
  await saveText(engine, { tokens, sequence }, path);
  assert((await Deno.stat(path)).isFile);
});

Deno.test("restoreText() refuses what no text can be, though its hash is right", async () => {
  using folder = new TemporaryFolder();
  using model = createModel(config, { threads: 1 });
  using engine = new Engine(model);
  using sequence = engine.open();
  await engine.step([{ sequence, tokens: [1, 2, 3], logits: "last" }]);
  const path = `${folder.path}/text`;
  for (const id of [97, -1, 2 ** 31 - 1]) {
    await saveText(engine, { tokens: [1, id, 3], sequence }, path);
    await assertRejects(() => restoreText(engine, path), FileFormatError, "a token must be");
  }
  // More tokens than the model has positions.
  for (const length of [32, 33, 64, 1000]) {
    const bytes = new Uint8Array(length * 64 * 4);
    engine.remembered = () => Promise.resolve([{ key: bytes, value: bytes }]);
    await saveText(engine, { tokens: new Array(length).fill(1), sequence }, path);
    if (length <= 32) assertEquals((await restoreText(engine, path)).tokens.length, length);
    else await assertRejects(() => restoreText(engine, path), FileFormatError, "tokens must be");
  }
});

Deno.test("restoreText() tells what is no text from a text of another version", async () => {
  using folder = new TemporaryFolder();
  using model = createModel(config, { threads: 1 });
  using engine = new Engine(model);
  using sequence = engine.open();
  await engine.step([{ sequence, tokens: [1, 2, 3], logits: "last" }]);
  const path = `${folder.path}/text`;
  await saveText(engine, { tokens: [1, 2, 3], sequence }, path);
  const saved = await Deno.readFile(path);
  // One character for each byte, so that the length of the header stays.
  const characters = new TextDecoder("latin1").decode(saved);
  const changes: [from: string, to: string, message: string][] = [
    ['"format":"', '"formaT":"', "received nothing. Give the path of a file that Text.save()"],
    [".gpt2.text", ".gpt2.nova", 'received "allformers.gpt2.nova". Give the path'],
    ['"version":"3"', '"version":"9"', 'received "9". Restore it with the version that wrote it'],
  ];
  for (const [from, to, message] of changes) {
    const place = characters.indexOf(from);
    const changed = saved.slice();
    changed.set(new TextEncoder().encode(to), place);
    await Deno.writeFile(path, changed);
    await assertRejects(() => restoreText(engine, path), FileFormatError, message);
  }
});

Deno.test({
  name: "saveText() writes what a link leads to, and leaves the link",
  ignore: Deno.build.os === "windows", // Not everyone may make links there.
  fn: async () => {
    using folder = new TemporaryFolder();
    using model = createModel(config, { threads: 1 });
    using engine = new Engine(model);
    using sequence = engine.open();
    const tokens = [1, 2, 3];
    await engine.step([{ sequence, tokens, logits: "last" }]);
    await Deno.mkdir(folder.file("elsewhere"));
    await Deno.symlink("elsewhere/text", folder.file("link"));
    await saveText(engine, { tokens, sequence }, folder.file("link"));
    assertEquals(await Deno.readLink(folder.file("link")), "elsewhere/text");
    assertEquals(Array.from(Deno.readDirSync(folder.file("elsewhere"))).length, 1);
    assertEquals((await restoreText(engine, folder.file("link"))).tokens, tokens);
  },
});
