/** Models that are saved into a folder in which there is one. */
import { fullLogits } from "../../model/full_logits.ts";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { loadCheckpoint } from "../../../src/checkpoint/load.ts";
import { saveSafetensors } from "../../../src/checkpoint/hugging_face/save_safetensors.ts";
import { SAFETENSORS_INDEX_NAME } from "../../../src/formats/safetensors_index.ts";
import { openLibrary } from "../../../src/native_library/native_library.ts";
import { copyFolder, plainFolder, TemporaryFolder, valuesOf } from "../folders.ts";

await openLibrary();

const { model, tokenizer } = await loadCheckpoint(plainFolder, { threads: 1 });
const TOKENS = Int32Array.of(1, 5, 20, 3);
const SHARDS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];

/** What a model of the same sizes had beside, so that it was another one. */
const FORMER: Readonly<Record<string, string>> = {
  "added_tokens.json": '{"<former>":288}',
  "special_tokens_map.json": '{"pad_token":"<former>"}',
  "tokenizer_config.json": '{"tokenizer_class":"GPT2Tokenizer","add_bos_token":true}',
  "chat_template.jinja": "{{ former }}",
  "generation_config.json": '{"eos_token_id":[7,8]}',
};

/** A folder with a model of other weights, and more files than a new one has. */
async function formerModel(folder: TemporaryFolder): Promise<string> {
  return await copyFolder(folder, {
    config: { architectures: ["Former"], vocab_size: 289 },
    tensors: (tensors) => {
      const embedding = tensors.get("transformer.wte.weight")!;
      const { bytes, shape: [rows, dim] } = embedding;
      const padded = new Uint8Array(bytes.length / rows * (rows + 1));
      padded.set(bytes);
      tensors.set("transformer.wte.weight", {
        ...embedding,
        shape: [rows + 1, dim],
        bytes: padded,
      });
      valuesOf(tensors, "transformer.wpe.weight").fill(0.5);
    },
    files: FORMER,
  });
}

/** What tells which model a folder holds; what is wrong with it otherwise. */
async function contentOf(path: string) {
  try {
    const loaded = await loadCheckpoint(path, { threads: 1 });
    using _model = loaded.model;
    const { tokens, addedTokens, beginOfTextId } = loaded.tokenizer ?? {};
    const logits = await fullLogits(loaded.model, TOKENS, 1, TOKENS.length);
    return { logits, tokens, addedTokens, beginOfTextId, ends: loaded.endOfTextIds };
  } catch (error) {
    assert(error instanceof Deno.errors.NotFound, String(error));
    return error.message;
  }
}

const ours = await contentOf(plainFolder);

Deno.test("saveSafetensors() leaves nothing of the model that was in the folder, and all that is not of one", async () => {
  using folder = new TemporaryFolder();
  const path = await formerModel(folder);
  const others = ["README.md", "pytorch_model.bin", "my.safetensors", "training_args.json"];
  for (const name of [...SHARDS, ...others]) Deno.writeTextFileSync(`${path}/${name}`, "{}");
  Deno.writeTextFileSync(
    `${path}/${SAFETENSORS_INDEX_NAME}`,
    JSON.stringify({ weight_map: { a: SHARDS[0], b: SHARDS[1] } }),
  );
  await saveSafetensors(model, tokenizer, path);
  const saved = ["config.json", "generation_config.json", "merges.txt", "model.safetensors"];
  saved.push("tokenizer.json", "tokenizer_config.json", "vocab.json");
  assertEquals(namesIn(path), [...others, ...saved].sort());
  assertEquals(await contentOf(path), ours);
});

Deno.test("saveSafetensors() leaves no tokenizer of another model beside one that has none", async () => {
  using folder = new TemporaryFolder();
  const path = await formerModel(folder);
  await saveSafetensors(model, undefined, path);
  const loaded = await loadCheckpoint(path, { threads: 1 });
  using _model = loaded.model;
  assertEquals(loaded.tokenizer, undefined);
});

Deno.test("saveSafetensors() that is stopped at any step leaves one of the two models, or none that loads", async () => {
  const { renameSync, remove } = Deno;
  const seen: string[] = [];
  for (let numSteps = 0; numSteps < 30; numSteps++) {
    using folder = new TemporaryFolder();
    const path = await formerModel(folder);
    const former = await contentOf(path);
    let stepsLeft = numSteps;
    const step = () => {
      if (stepsLeft-- === 0) throw new Error("killed");
    };
    Deno.renameSync = (...args) => (step(), renameSync(...args));
    Deno.remove = (...args) => Promise.try(step).then(() => remove(...args));
    let isComplete = false;
    try {
      await saveSafetensors(model, tokenizer, path);
      isComplete = true;
    } catch (error) {
      assertEquals((error as Error).message, "killed");
    } finally {
      Object.assign(Deno, { renameSync, remove });
    }
    const content = await contentOf(path);
    const which = [["former", former], ["new", ours]].find(([, model]) => isEqual(model, content));
    seen.push(
      String(which?.[0] ?? content).replace(
        /^Cannot open .* (?=it has no config\.json)|: received .*/g,
        "",
      ),
    );
    if (isComplete) break;
  }
  const between = Array(seen.length - 2).fill("it has no config.json");
  assertEquals(seen, ["former", ...between, "new"]);
});

Deno.test("saveSafetensors() that is aborted leaves the former model", async () => {
  using folder = new TemporaryFolder();
  const path = await formerModel(folder);
  const former = await contentOf(path);
  const controller = new AbortController();
  const onProgress = () => controller.abort();
  const { signal } = controller;
  await assertRejects(() => saveSafetensors(model, tokenizer, path, { signal, onProgress }));
  assertEquals(await contentOf(path), former);
});

function namesIn(path: string): string[] {
  return Array.from(Deno.readDirSync(path), ({ name }) => name).sort();
}

function isEqual(a: unknown, b: unknown): boolean {
  try {
    assertEquals(a, b);
    return true;
  } catch {
    return false;
  }
}
