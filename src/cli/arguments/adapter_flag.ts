/**
 * Adapters on the command line: `file[:scale]`.
 *
 * @module
 */
import { describe } from "../../base/describe.ts";
import type { TextListFlag } from "./flags.ts";
import { UsageError } from "./usage_error.ts";

/** An adapter that was asked for. */
export interface AdapterChoice {
  /** The folder or file. */
  readonly path: string;
  /** What it adds is multiplied by this. */
  readonly scale: number;
}

/** Which adapters a model is computed with. */
export const adapterFlag = {
  kind: "textList",
  valueName: "file[:scale]",
  help:
    "Add an adapter (LoRA) to the model: a folder of PEFT's or a .gguf file. With a number behind a " +
    "colon, so much of it; 1 if not.",
} as const satisfies TextListFlag;

/** An adapter that clients of a server know by a name. */
export interface NamedAdapterChoice extends AdapterChoice {
  readonly name: string;
}

/**
 * Reads `name=file[:scale]`.
 *
 * @throws {UsageError} if there is no name or file, or the scale is too large for a number
 */
export function parseNamedAdapter(text: string): NamedAdapterChoice {
  const [, name, rest] = text.match(/^([^=]+)=(.*)$/s) ?? [];
  if (name !== undefined) return { name, ...parseAdapter(rest) };
  throw new UsageError(
    `--adapter needs a name for clients and a folder or file: received ${
      describe(text)
    }. Write for ` +
      "example --adapter poems=my-lora.",
  );
}

const SCALE = /^[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?$/i;

/**
 * Reads `file[:scale]`.
 *
 * @throws {UsageError} if there is no file, or the scale is too large for a number
 */
export function parseAdapter(text: string): AdapterChoice {
  const [, before, last] = text.match(/^(.*):([^:]*)$/s) ?? [];
  const hasScale = last !== undefined && SCALE.test(last);
  const choice = hasScale ? { path: before, scale: Number(last) } : { path: text, scale: 1 };
  if (choice.path !== "" && Number.isFinite(choice.scale)) return choice;
  throw new UsageError(
    `--adapter needs a folder or file, perhaps with a number behind a colon: received ${
      describe(text)
    }. Write for example --adapter my-lora:0.5.`,
  );
}
