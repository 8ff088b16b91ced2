/** What PEFT and llama.cpp's gguf package wrote, and what PEFT computes with it: see scripts/make_adapter_reference.py. */
import { fileURLToPath } from "node:url";
import { GPT2Config } from "../../../src/model/config.ts";
import { plainFolder } from "../folders.ts";

const folder = new URL("../../fixtures/adapters/", import.meta.url);

/** The path of a fixture. */
export function adapterPath(name: string): string {
  return fileURLToPath(new URL(name, folder));
}

/** The model that the adapters are for. */
export const basePath: string = plainFolder;

/** Its sizes. */
export const baseConfig: GPT2Config = new GPT2Config({
  vocabSize: 288,
  contextLength: 48,
  embeddingDim: 32,
  numHeads: 4,
  numLayers: 2,
  hiddenDim: 64,
});

/** The tokens, and the logits after the last of them. */
export const expected: { readonly tokens: number[]; readonly [name: string]: number[] } = JSON
  .parse(Deno.readTextFileSync(new URL("expected.json", folder)));
