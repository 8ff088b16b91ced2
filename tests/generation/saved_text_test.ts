import { assert, assertRejects } from "@std/assert";
import { Engine } from "../../src/engine/engine.ts";
import { saveText } from "../../src/generation/saved_text.ts";
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
