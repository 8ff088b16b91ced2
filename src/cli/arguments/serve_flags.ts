/**
 * The flags of `serve`.
 *
 * @module
 */
import { adapterFlag } from "./adapter_flag.ts";
import { jsonFlag } from "./common_flags.ts";
import type { Flags, FlagValues } from "./flags.ts";
import { modelFlags } from "./model_flags.ts";

const MAX_PORT = 65_535;
const MAX_TEXTS = 1024;
const MAX_GRACE_SECONDS = 3600;

/** What can be said about a server. */
export const serveFlags = {
  ...modelFlags,
  adapter: {
    ...adapterFlag,
    valueName: "name=file[:scale]",
    help:
      "Let clients ask for an adapter (LoRA) by this name, as the model or in the field adapters: a folder of " +
      "PEFT's or a .gguf file. With a number behind a colon, so much of it; 1 if not.",
  },
  modelName: {
    kind: "text",
    valueName: "name",
    help:
      "The name by which clients ask for the model. Default: that of --model, a file's without its folder.",
  },
  host: {
    kind: "text",
    valueName: "address",
    default: "127.0.0.1",
    help: "Where to listen. With 0.0.0.0 other machines can reach the server.",
  },
  port: {
    kind: "integer",
    valueName: "number",
    min: 0,
    max: MAX_PORT,
    default: 8080,
    help: "The port to listen on; 0 takes a free one.",
  },
  apiKeyFile: {
    kind: "text",
    valueName: "path",
    help: "Clients have to send one of the keys in this file, one on each line.",
  },
  cors: {
    kind: "text",
    valueName: "origin",
    help: "Pages of this origin, or of all for *, may use the server from a browser.",
  },
  steer: {
    kind: "textList",
    valueName: "path",
    help: "Clients may add the steering vector in this file, by its name without .json.",
  },
  allowSpecial: {
    kind: "switch",
    help:
      "Read <|endoftext|> and other special tokens in the texts of prompts as such, as Hugging Face does.",
  },
  maxTexts: {
    kind: "integer",
    valueName: "count",
    min: 1,
    max: MAX_TEXTS,
    help: "Write at most so many texts at a time; other requests wait. Default: 32, fewer where " +
      "there is little memory.",
  },
  maxWaiting: {
    kind: "integer",
    valueName: "count",
    min: 0,
    help: "Let at most so many requests wait, and refuse others. Default: 4 times --max-texts.",
  },
  maxKeptTexts: {
    kind: "integer",
    valueName: "count",
    min: 0,
    max: MAX_TEXTS,
    help: "Keep so many texts, for prompts that begin alike. Default: half of --max-texts.",
  },
  graceSeconds: {
    kind: "decimal",
    valueName: "seconds",
    min: 0,
    max: MAX_GRACE_SECONDS,
    default: 10,
    help: "When the server is to end, give running requests so long.",
  },
  log: {
    kind: "choice",
    valueName: "format",
    choices: ["text", "json"],
    help: "Write a line to stderr for each request: time, method, path, status, tokens and " +
      "milliseconds, as text or as json, an object.",
  },
  json: { ...jsonFlag, help: "Write the address as a JSON object, with the name of the model." },
} as const satisfies Flags;

/** Their values. */
export type ServeValues = FlagValues<typeof serveFlags>;
