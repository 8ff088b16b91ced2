/**
 * `convert`: a model to a GGUF file.
 *
 * @module
 */
import { fileTypes } from "../checkpoint/file_types.ts";
import { requireNamedFile } from "./arguments/output_path.ts";
import { defineCommand } from "./command.ts";
import { jsonFlag, overwriteFlag, typeFlag } from "./arguments/common_flags.ts";
import { resolveModelShowing } from "./model_progress.ts";
import { writeModel } from "./write_model.ts";

/** Converts a checkpoint. */
export const convertCommand = defineCommand({
  name: "convert",
  summary: "Convert a model to a GGUF file.",
  details:
    "The model is a Hugging Face folder, a .gguf file, demo, or a model of the hub. A folder has config.json, one or " +
    "more .safetensors files, and tokenizer.json or vocab.json with merges.txt. llama.cpp runs the resulting file too. Its path is written to stdout.",
  operands: { usage: "<model>", min: 1, max: 1, advice: "Give one folder, .gguf file or name." },
  flags: {
    output: {
      kind: "text",
      short: "o",
      valueName: "path",
      help:
        "The file to write. Default: the model's own name, size, version and type, as GGUF files are named: " +
        "gpt2-124M-v1.0-Q8_0.gguf, in the current folder.",
    },
    type: {
      ...typeFlag,
      default: "q8_0",
      help: `How the weights are stored: ${fileTypes.join(", ")}.`,
    },
    overwrite: overwriteFlag,
    json: { ...jsonFlag, help: "Write one JSON object: path, type, size and time." },
  },
  examples: [
    ["convert ./gpt2 --type q8_0", "Convert a folder"],
    ["convert ./gpt2 -o gpt2-f32.gguf --type f32", "Keep every bit, under a name of your own"],
  ],

  async run({ values, operands }, io) {
    requireNamedFile("--output", values.output);
    const source = await resolveModelShowing(operands[0], io, { type: "original" });
    await writeModel(source, values.output, values, io);
  },
});
