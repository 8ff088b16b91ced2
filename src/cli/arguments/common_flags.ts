/**
 * Flags that several commands have.
 *
 * @module
 */
import { fileTypes } from "../../checkpoint/file_types.ts";
import { builtInDefault, MODEL_VARIABLE } from "./default_model.ts";

/** Which model. */
export const modelFlag = {
  kind: "text",
  short: "m",
  valueName: "model",
  help:
    "A model of the hub (gpt2, owner/name), a Hugging Face folder, a .gguf file, or demo. Default: " +
    `$${MODEL_VARIABLE}, or ${builtInDefault()}.`,
} as const;

/** A type of weights. */
export const typeFlag = {
  kind: "choice",
  short: "t",
  valueName: "type",
  choices: fileTypes,
} as const;

/** The most threads that can be asked for: with more than processors, they wait for each other. */
export const MAX_THREADS = Math.min(navigator.hardwareConcurrency, 512);

/** How many threads compute. */
export const threadsFlag = {
  kind: "integer",
  valueName: "count",
  min: 1,
  max: MAX_THREADS,
  limit: "the number of processors",
  help:
    "How many threads compute. Default: one for each processor, 16 at most, fewer for a tiny model.",
} as const;

/** The text of a command, from a file. */
export const fileFlag = {
  kind: "text",
  short: "f",
  valueName: "path",
  help: "Read the text from a file; - is stdin.",
} as const;

/** One object for other programs to read. */
export const jsonFlag = {
  kind: "switch",
  help: "Write one JSON object.",
} as const;

/** For those who want the result only. */
export const quietFlag = {
  kind: "switch",
  short: "q",
  help: "Write nothing but the result.",
} as const;

/** Whether a file may be replaced. */
export const overwriteFlag = {
  kind: "switch",
  help: "Replace the file if it is there already.",
} as const;
