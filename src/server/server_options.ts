/**
 * How a model is served.
 *
 * @module
 */
import {
  callback,
  checkOptions,
  integer,
  type OptionRules,
  text,
  texts,
} from "../base/check_options.ts";
import { engineOf } from "../engine/engines.ts";
import { cacheBytes } from "../engine/key_value_cache.ts";
import { freeBytes } from "../engine/memory_budget.ts";
import type { GPT2 } from "../gpt2.ts";
import type { ServedAdapters } from "./adapters.ts";
import type { RequestRecord } from "./request_record.ts";
import type { SteeringVectors } from "./steering.ts";

/** Options of {@linkcode createHandler}. */
export interface ServerOptions {
  /** The name by which clients know the model. Default: `gpt2`. */
  modelName?: string;
  /**
   * The most texts that are written at a time; other requests wait. Default: 32, or as many as have room for a whole context in
   * half of the memory that is free, a third of which is for texts that are kept.
   */
  maxTexts?: number;
  /** The most requests that wait; others are refused with status 503. Default: four times as many as `maxTexts`. */
  maxWaiting?: number;
  /** How many texts stay in memory when their requests have ended, for prompts that begin alike. Default: half of `maxTexts`. */
  maxKeptTexts?: number;
  /** Keys, one of which a client has to send. Default: none, and anybody may use the server. */
  apiKeys?: readonly string[];
  /** The origin whose pages may use the server from a browser: `https://example.org`, or `*`. Default: none. */
  cors?: string;
  /** Vectors that clients may add by name, with `steer: { name: strength }`. Default: none. */
  steering?: SteeringVectors;
  /**
   * Adapters of the model that clients may ask for by name: as the name of the model, or with `adapters: { name: scale }`.
   * Default: none.
   */
  adapters?: ServedAdapters;
  /**
   * With `"all"`, `<|endoftext|>` and other special tokens in the texts of prompts are read as such, as Hugging Face's
   * tokenizers do it. Default: they are letters, so that a text cannot end itself.
   */
  allowSpecial?: "all";
  /** Called with what went wrong through no fault of a client, who is told nothing but that. */
  onError?: (error: unknown) => void;
  /** Called with each request whose answer is complete, for a log. What it throws goes to `onError`. */
  onRequest?: (record: RequestRecord) => void;
}

/** {@linkcode ServerOptions} with nothing left open. */
export type ServerSettings =
  & Required<Omit<ServerOptions, "allowSpecial" | "cors" | "onError" | "onRequest">>
  & Pick<ServerOptions, "allowSpecial" | "cors" | "onError" | "onRequest">;

const rules: OptionRules<ServerOptions> = {
  modelName: text,
  maxTexts: integer(1, 1024),
  maxWaiting: integer(0, 1_000_000),
  maxKeptTexts: integer(0, 1024),
  apiKeys: texts,
  cors: {
    meaning: "an origin such as https://example.org, without a path, or *",
    isType: (value) => typeof value === "string",
    isInRange: (value) => value === "*" || isOrigin(value as string),
  },
  steering: {
    meaning: "an object of { layer, vector } by name",
    isType: (value) =>
      typeof value === "object" && value !== null &&
      Object.values(value).every((each) => typeof each === "object" && each !== null),
  },
  adapters: {
    meaning: "an object of adapters by name",
    isType: (value) =>
      typeof value === "object" && value !== null &&
      Object.values(value).every((each) => typeof each === "object" && each !== null),
  },
  allowSpecial: {
    meaning: '"all"',
    isType: (value) => value === "all",
  },
  onError: callback,
  onRequest: callback,
};

/**
 * GPT-2 small in Q8_0 writes 8 texts at 1355 tokens per second in all, and 32 at 1553 (docs/benchmarks.md): more gain little,
 * each is slower then, and a whole context takes 38 MB.
 */
const MOST_TEXTS = 32;
const WAITING_PER_TEXT = 4;

/**
 * Checks options, before there is a model.
 *
 * @throws {TypeError} if there is no such option, or one has the wrong type
 * @throws {RangeError} if one is out of range
 */
export function checkServerOptions(options: ServerOptions): Readonly<ServerOptions> {
  return checkOptions("serve a model", options, rules);
}

/**
 * Checks options, and fills in what they leave open.
 *
 * @throws {TypeError} if there is no such option, or one has the wrong type
 * @throws {RangeError} if one is out of range
 */
export function serverSettings(model: GPT2, options: ServerOptions): ServerSettings {
  const checked = checkServerOptions(options);
  const maxTexts = checked.maxTexts ?? defaultMaxTexts(model);
  return {
    modelName: "gpt2",
    maxWaiting: WAITING_PER_TEXT * maxTexts,
    maxKeptTexts: Math.ceil(maxTexts / 2),
    apiKeys: [],
    steering: {},
    adapters: {},
    ...checked,
    allowSpecial: checked.allowSpecial,
    maxTexts,
  };
}

function defaultMaxTexts(model: GPT2): number {
  const { model: loaded } = engineOf(model)!;
  const bytesPerText = cacheBytes(loaded, 1, model.config.contextLength);
  const numTexts = Math.floor(freeBytes(loaded.backend) / 2 / bytesPerText);
  // Half as many again are kept.
  return Math.max(1, Math.min(MOST_TEXTS, Math.floor(numTexts / 1.5)));
}

/** Whether a browser would name the origin of a page so. */
function isOrigin(text: string): boolean {
  if (!/^[a-z][a-z\d+.-]*:\/\/[^/\s?#@\\]+$/.test(text)) return false;
  return !/^https?:/.test(text) || URL.parse(text)?.origin === text;
}
