/**
 * The flags of `train`.
 *
 * @module
 */
import { type PresetName, presets } from "../../training/presets.ts";
import { fileTypes } from "../../checkpoint/file_types.ts";
import { jsonFlag, overwriteFlag, quietFlag, threadsFlag } from "../arguments/common_flags.ts";
import type { Flags } from "../arguments/flags.ts";
import { settingDefault, sizeDefault, tokenizerDefault } from "./flag_defaults.ts";

const MODEL = "Model";
const STEPS = "Training";
const OUTPUT = "While it trains";

const presetNames = Object.keys(presets) as PresetName[];

/** All of them. */
export const trainFlags = {
  data: {
    kind: "text",
    valueName: "path",
    help:
      'What to learn from: a text file, a folder of .txt and .md files, a .jsonl file with a "text" in each line, or a ' +
      "folder with nanoGPT's train.bin and val.bin.",
  },
  out: {
    kind: "text",
    short: "o",
    valueName: "folder",
    help: "Where the model, the log and the report go. Required.",
  },
  resume: {
    kind: "switch",
    help:
      "Go on with the run in the folder, as if it had never stopped: on the same machine and with as many --threads, bit by " +
      "bit. With other --steps the learning rate falls along another curve.",
  },
  overwrite: { ...overwriteFlag, help: "Remove the run that is in the folder, and begin anew." },
  preset: {
    kind: "choice",
    valueName: "name",
    choices: presetNames,
    group: MODEL,
    help: `${
      presetNames.map((name) => `${name}: ${presets[name].summary}`).join("; ")
    }. Default: nano. What other flags and --config say comes before it.`,
  },
  config: {
    kind: "text",
    valueName: "file.json",
    group: MODEL,
    help:
      'Settings as JSON: {"model": {"numLayers": 4, ...}, "training": {"numSteps": 2000, ...}, "tokenizer": "char"}.',
  },
  init: {
    kind: "text",
    valueName: "model",
    group: MODEL,
    help:
      "Fine-tune a model: gpt2, a folder, a .gguf file, demo. Its sizes and its tokenizer stay.",
  },
  tokenizer: {
    kind: "text",
    valueName: "kind",
    group: MODEL,
    help: "char, bpe:4096 (learned from the data), gpt2, or a folder with a tokenizer. " +
      tokenizerDefault(),
  },
  layers: {
    kind: "integer",
    valueName: "count",
    min: 1,
    group: MODEL,
    help: `Blocks. ${sizeDefault("numLayers")}`,
  },
  heads: {
    kind: "integer",
    valueName: "count",
    min: 1,
    group: MODEL,
    help: `Attention heads. ${sizeDefault("numHeads")}`,
  },
  width: {
    kind: "integer",
    valueName: "dims",
    min: 1,
    group: MODEL,
    help: `Width of the residual stream. ${sizeDefault("embeddingDim")}`,
  },
  context: {
    kind: "integer",
    valueName: "tokens",
    min: 1,
    group: MODEL,
    help: `Tokens of a text. ${
      sizeDefault("contextLength")
    } With --init, at most and by default those of the model.`,
  },
  freeze: {
    kind: "textList",
    valueName: "names",
    group: MODEL,
    help: 'Weights that stay as they are: "blocks.0.*", "*Embedding".',
  },
  lora: {
    kind: "text",
    valueName: "settings",
    group: MODEL,
    help:
      "With --init: train an adapter beside the model, whose weights stay as they are, quantized ones too: " +
      "rank=8,alpha=16,dropout=0.05 and targets=qkv,output,hidden,mlp, with commas between them. Each has a default: 8, twice " +
      "the rank, 0, qkv.",
  },
  initType: {
    kind: "choice",
    valueName: "type",
    choices: fileTypes,
    group: MODEL,
    help: "With --lora: the type of the model's weights in memory: " +
      `${fileTypes.join(", ")}. Default: as they are stored; q8_0 for the hub's.`,
  },
  steps: {
    kind: "integer",
    valueName: "count",
    min: 1,
    group: STEPS,
    help: `Steps in all. ${settingDefault("numSteps")}`,
  },
  batchSize: {
    kind: "integer",
    valueName: "texts",
    min: 1,
    group: STEPS,
    help: `Texts in a batch. ${settingDefault("batchSize")}`,
  },
  accumulation: {
    kind: "integer",
    valueName: "batches",
    min: 1,
    group: STEPS,
    help: `Batches in a step: more than fit into memory at once. ${settingDefault("accumulation")}`,
  },
  learningRate: {
    kind: "decimal",
    valueName: "rate",
    min: 0,
    group: STEPS,
    help: `The largest learning rate. ${settingDefault("learningRate")}`,
  },
  minLearningRate: {
    kind: "decimal",
    valueName: "rate",
    min: 0,
    group: STEPS,
    help: `The learning rate at the end. ${
      settingDefault("minLearningRate")
    } With --learning-rate, a tenth of it.`,
  },
  warmupSteps: {
    kind: "integer",
    valueName: "count",
    min: 0,
    group: STEPS,
    help: `Steps in which the learning rate rises. ${
      settingDefault("warmupSteps")
    } With --steps, a tenth of them, at most 100.`,
  },
  schedule: {
    kind: "choice",
    valueName: "shape",
    choices: ["cosine", "linear", "constant"],
    group: STEPS,
    help: `How the learning rate falls after that: cosine, linear, or constant. ${
      settingDefault("schedule")
    }`,
  },
  weightDecay: {
    kind: "decimal",
    valueName: "share",
    min: 0,
    group: STEPS,
    help: `AdamW's, of matrices only. ${settingDefault("weightDecay")}`,
  },
  gradientClip: {
    kind: "decimal",
    valueName: "norm",
    min: 0,
    group: STEPS,
    help: `The largest length of the gradients; 0 for any. ${settingDefault("gradientClip")}`,
  },
  dropout: {
    kind: "decimal",
    valueName: "share",
    min: 0,
    max: 1,
    group: STEPS,
    help: `What is left out at random. ${settingDefault("dropout")}`,
  },
  precision: {
    kind: "choice",
    valueName: "type",
    choices: ["auto", "f32", "bf16"],
    group: STEPS,
    help:
      "How exactly matrices are multiplied: f32; bf16, which is faster where the processor multiplies that; or auto, the faster " +
      "one here, which the run then keeps on any machine. Weights and sums are F32 in any case. " +
      settingDefault("precision"),
  },
  seed: {
    kind: "integer",
    valueName: "number",
    min: 0,
    max: 2 ** 32 - 1,
    group: STEPS,
    help: `Decides the first weights, the order of the data, and what dropout leaves out. ${
      settingDefault("seed")
    }`,
  },
  evaluateEvery: {
    kind: "integer",
    valueName: "steps",
    min: 1,
    group: OUTPUT,
    help: "Steps between two evaluations. Default: a fifth of --steps, at most 250.",
  },
  saveEvery: {
    kind: "integer",
    valueName: "steps",
    min: 1,
    group: OUTPUT,
    help: "Steps between two states to go on from. Default: as --evaluate-every.",
  },
  samplePrompt: {
    kind: "text",
    valueName: "text",
    group: OUTPUT,
    help: "What the model is to continue at each evaluation. Default: the beginning of a text.",
  },
  validationShare: {
    kind: "decimal",
    valueName: "share",
    min: 0,
    max: 0.9,
    group: OUTPUT,
    help: "The share of the data, at its end, that is evaluated and not learned. Default: 0.1.",
  },
  ggufType: {
    kind: "choice",
    valueName: "type",
    choices: fileTypes,
    group: OUTPUT,
    help: `The type of model.gguf: ${fileTypes.join(", ")}. Default: f16. An adapter is F32.`,
  },
  logEvery: {
    kind: "integer",
    valueName: "steps",
    min: 1,
    default: 10,
    group: OUTPUT,
    help: "Steps between two lines where the output is no terminal.",
  },
  threads: {
    ...threadsFlag,
    help: "How many threads compute. Default: one for each processor, 16 at most.",
  },
  json: { ...jsonFlag, help: "Write events as JSON, one in each line." },
  quiet: quietFlag,
} as const satisfies Flags;
