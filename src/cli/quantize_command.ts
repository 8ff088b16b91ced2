/**
 * `quantize`: a model to a GGUF file of another type.
 *
 * @module
 */
import { fileTypes } from "../checkpoint/file_types.ts";
import { requireNamedFile } from "./arguments/output_path.ts";
import { defineCommand } from "./command.ts";
import { jsonFlag, overwriteFlag, typeFlag } from "./arguments/common_flags.ts";
import { resolveModelShowing } from "./model_progress.ts";
import { UsageError } from "./arguments/usage_error.ts";
import { writeModel } from "./write_model.ts";

/** Changes the type of a model. */
export const quantizeCommand = defineCommand({
  name: "quantize",
  summary: "Store a model's weights as another type, in a GGUF file.",
  details:
    "The model is a .gguf file, a Hugging Face folder, demo, or a model of the hub. Quantizing what is quantized already adds up the errors of both: start from f32 or f16 where you can.",
  operands: {
    usage: "<model> <out.gguf>",
    min: 2,
    max: 2,
    advice: "Give the model to read and the file to write.",
  },
  flags: {
    type: { ...typeFlag, help: `How the weights are stored: ${fileTypes.join(", ")}. Required.` },
    overwrite: overwriteFlag,
    json: { ...jsonFlag, help: "Write one JSON object: path, type, size and time." },
  },
  examples: [["quantize gpt2-f32.gguf gpt2-q4.gguf --type q4_k_m", "Make a file smaller"]],

  async run({ values: { type, overwrite, json }, operands: [source, target] }, io) {
    if (type === undefined) {
      throw new UsageError(
        `quantize needs --type <type>: received none. Give one of ${fileTypes.join(", ")}.`,
      );
    }
    requireNamedFile("quantize", target);
    const path = await resolveModelShowing(source, io, { type: "original" });
    await writeModel(path, target, { type, overwrite, json }, io);
  },
});
