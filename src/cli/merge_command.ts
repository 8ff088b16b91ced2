/**
 * `merge`: a model with adapters added to its weights.
 *
 * @module
 */
import { readAdapter } from "../checkpoint/adapters/read_adapter.ts";
import { mergeCheckpoint } from "../checkpoint/adapters/merge_checkpoint.ts";
import { fileTypes } from "../checkpoint/file_types.ts";
import { fileTypeOf } from "../checkpoint/gguf/save_gguf.ts";
import { openCheckpoint } from "../checkpoint/open_checkpoint.ts";
import { adapterFlag, parseAdapter } from "./arguments/adapter_flag.ts";
import { jsonFlag, overwriteFlag, typeFlag } from "./arguments/common_flags.ts";
import { UsageError } from "./arguments/usage_error.ts";
import { requireNamedFile } from "./arguments/output_path.ts";
import { defineCommand } from "./command.ts";
import { resolveModelShowing } from "./model_progress.ts";
import { throughRun } from "./run_result.ts";
import { writeModel } from "./write_model.ts";

/** Merges adapters into a model. */
export const mergeCommand = defineCommand({
  name: "merge",
  summary: "Write a model with adapters (LoRA) added to its weights.",
  details:
    "The model is a Hugging Face folder, a .gguf file, demo, or a model of the hub. What the adapters add is computed in " +
    "F32, from the weights as they are stored. The result needs no adapter: a .gguf file is one that llama.cpp runs, a " +
    "folder one that transformers loads.",
  operands: { usage: "<model>", min: 1, max: 1, advice: "Give one folder, .gguf file or name." },
  flags: {
    adapter: adapterFlag,
    out: {
      kind: "text",
      short: "o",
      valueName: "path",
      help: "The .gguf file, or the folder, to write. Required.",
    },
    type: {
      ...typeFlag,
      help: `How a .gguf file stores the weights: ${
        fileTypes.join(", ")
      }. Default: as the model does.`,
    },
    overwrite: overwriteFlag,
    json: { ...jsonFlag, help: "Write one JSON object: path, type, size and time." },
  },
  examples: [
    ["merge gpt2 --adapter my-lora --out mine.gguf --type q8_0", "One file that runs anywhere"],
    ["merge ./gpt2 --adapter a:0.5 --adapter b:0.5 --out mixed", "Half of two, for transformers"],
  ],

  async run({ values, operands }, io) {
    const { adapter: given, out, overwrite, json } = values;
    if (given.length === 0 || out === undefined) {
      const name = given.length === 0 ? "--adapter <file>" : "--out <path>";
      throw new UsageError(`merge needs ${name}: received none.`);
    }
    if (values.type !== undefined && !out.endsWith(".gguf")) {
      throw new UsageError(
        `A folder holds weights as f32: received --type ${values.type}. Leave it out, or write a .gguf file.`,
      );
    }
    requireNamedFile("--out", out);
    const choices = given.map(parseAdapter);
    const source = await resolveModelShowing(operands[0], io, { type: "original" });
    const type = values.type ?? storedType(source, out);
    const options = { type: await type, overwrite, json, noticesStored: false };
    await writeModel(source, out, options, io, async (checkpoint, path, writing) => {
      const { config } = checkpoint;
      const { signal } = io;
      const adapters = await Promise.all(choices.map(async ({ path, scale }) => {
        return {
          adapter: await readAdapter(await throughRun(path, io), config, { signal }),
          scale,
        };
      }));
      return await mergeCheckpoint(checkpoint, adapters, path, writing);
    });
  },
});

/** The type of the model; that of a folder is always the same. */
async function storedType(source: string, out: string) {
  if (!out.endsWith(".gguf")) return "f32";
  using checkpoint = await openCheckpoint(source);
  return fileTypeOf(checkpoint) ?? "f32";
}
