import { assertEquals, assertRejects } from "@std/assert";
import {
  saveAdapter,
  type SaveAdapterOptions,
} from "../../../src/checkpoint/adapters/save_adapter.ts";
import { readAdapter } from "../../../src/checkpoint/adapters/read_adapter.ts";
import {
  ADAPTER_TARGETS,
  type AdapterWeights,
  updateScale,
} from "../../../src/model/adapter_weights.ts";
import { openLibrary } from "../../../src/native_library/native_library.ts";
import { assertClose } from "../../close.ts";
import { randomAdapter } from "../../model/random_adapter.ts";
import { TemporaryFolder } from "../folders.ts";
import { adapterPath, baseConfig } from "./fixtures.ts";

await openLibrary();

/** Rounding of F32, where a scale becomes a part of the matrices. */
const FOLDED_TOLERANCE = 1e-6;

const uniform = randomAdapter(baseConfig, { rank: 3, alpha: 5, targets: ADAPTER_TARGETS, seed: 4 });

/** Each weight of another rank and alpha, and not of every block. */
const mixed: AdapterWeights = {
  isRankStabilized: true,
  weights: randomAdapter(baseConfig, { rank: 2, targets: ADAPTER_TARGETS }).weights.slice(0, -1)
    .map((weight, i) => ({ ...weight, alpha: i + 0.5 })),
};

function products(adapter: AdapterWeights): number[] {
  return adapter.weights.flatMap((weight) =>
    Array.from(weight.up, (value) => value * updateScale(adapter, weight))
  );
}

for (const [what, adapter] of [["uniform", uniform], ["mixed", mixed]] as const) {
  Deno.test(`saveAdapter() writes a folder that is read back as it was: ${what}`, async () => {
    using folder = new TemporaryFolder();
    const path = folder.file("adapter");
    await saveAdapter(adapter, baseConfig, path);
    assertEquals(await readAdapter(path, baseConfig), adapter);
  });
}

Deno.test("saveAdapter() writes which revision of the model PEFT is to load, where one is given", async () => {
  using folder = new TemporaryFolder();
  const written = async (options: SaveAdapterOptions) => {
    await saveAdapter(uniform, baseConfig, folder.file("adapter"), options);
    const config = JSON.parse(Deno.readTextFileSync(folder.file("adapter/adapter_config.json")));
    return [config.base_model_name_or_path, config.revision];
  };
  const baseModel = "owner/name";
  assertEquals(await written({ baseModel, baseRevision: "v1.0" }), [baseModel, "v1.0"]);
  assertEquals(await written({ baseModel }), [baseModel, null]);
});

Deno.test("saveAdapter() writes a GGUF file that is read back as it was", async () => {
  using folder = new TemporaryFolder();
  const path = folder.file("adapter.gguf");
  await saveAdapter(uniform, baseConfig, path);
  assertEquals(await readAdapter(path, baseConfig), uniform);
});

Deno.test("saveAdapter() puts scales that differ into the matrices of a GGUF file", async () => {
  using folder = new TemporaryFolder();
  const path = folder.file("adapter.gguf");
  await saveAdapter(mixed, baseConfig, path);
  const read = await readAdapter(path, baseConfig);
  assertEquals(read.weights.map(({ down }) => down), mixed.weights.map(({ down }) => down));
  assertClose(products(read), products(mixed), FOLDED_TOLERANCE, "scaled matrices");
});

Deno.test("saveAdapter() writes the tensors that PEFT and llama.cpp's gguf package write", async () => {
  using folder = new TemporaryFolder();
  const adapter = await readAdapter(adapterPath("plain"), baseConfig);
  await saveAdapter(adapter, baseConfig, folder.file("again"));
  const file = "adapter_model.safetensors";
  const [ours, theirs] = [folder.file(`again/${file}`), adapterPath(`plain/${file}`)].map(headerOf);
  assertEquals(Object.keys(ours).sort(), Object.keys(theirs).sort());
  const config = JSON.parse(Deno.readTextFileSync(folder.file("again/adapter_config.json")));
  const original = JSON.parse(Deno.readTextFileSync(adapterPath("plain/adapter_config.json")));
  assertEquals(config.target_modules.sort(), [
    "attn.c_attn",
    "attn.c_proj",
    "mlp.c_fc",
    "mlp.c_proj",
  ]);
  for (
    const key of [
      "r",
      "lora_alpha",
      "peft_type",
      "task_type",
      "bias",
      "fan_in_fan_out",
      "use_rslora",
    ]
  ) {
    assertEquals(config[key], original[key], key);
  }
});

function headerOf(path: string): Record<string, unknown> {
  const bytes = Deno.readFileSync(path);
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  return JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
}

Deno.test("saveAdapter() leaves nothing behind when it is aborted", async () => {
  using folder = new TemporaryFolder();
  const signal = AbortSignal.abort();
  for (const path of [folder.file("adapter"), folder.file("adapter.gguf")]) {
    await assertRejects(() => saveAdapter(uniform, baseConfig, path, { signal }), DOMException);
  }
  assertEquals(folder.names(), []);
});
