/**
 * `info`: what is in a model.
 *
 * @module
 */
import { openCheckpoint } from "../checkpoint/open_checkpoint.ts";
import { defineCommand } from "./command.ts";
import { jsonFlag } from "./arguments/common_flags.ts";
import { resolveModelShowing } from "./model_progress.ts";
import { modelInfo, modelInfoText } from "./model_info.ts";
import { jsonText } from "./terminal/terminal_text.ts";

/** Shows what a model file says about itself. */
export const infoCommand = defineCommand({
  name: "info",
  summary: "Show what is in a model.",
  details:
    "Sizes, parameters, types, tokenizer and metadata. Only headers are read, so that it is quick.",
  operands: {
    usage: "<model>",
    min: 1,
    max: 1,
    advice: "Give demo, a Hugging Face folder, a .gguf file, or a model of the hub such as gpt2.",
  },
  flags: {
    tensors: { kind: "switch", help: "List all weights." },
    json: { ...jsonFlag, help: "Write one JSON object, with all weights." },
  },
  examples: [
    ["info gpt2-124M-v1.0-Q8_0.gguf", "A model file"],
    ["info demo --tensors", "All weights of the demo model"],
  ],

  async run({ values, operands }, io) {
    using checkpoint = await openCheckpoint(
      await resolveModelShowing(operands[0], io, { alternative: "info demo" }),
    );
    const info = await modelInfo(checkpoint);
    const { isTerminal, numColumns } = io.stdout;
    // The last column stays free, as in all that is written for a terminal.
    const room = isTerminal ? numColumns - 1 : undefined;
    if (values.json) await io.stdout.write(jsonText(info, 2) + "\n");
    else await io.stdout.writeProse(modelInfoText(info, values.tensors, room));
  },
});
