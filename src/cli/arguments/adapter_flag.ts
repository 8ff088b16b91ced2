/**
 * Adapters on the command line: `file[:scale]`.
 *
 * @module
 */
import { describe } from "../../base/describe.ts";
import { exists } from "../../base/files.ts";
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
 * @throws {UsageError} if there is no name or file, or the scale is none or too large
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

/** As a server takes them: with larger ones nothing but noise is computed. */
const MAX_SCALE = 1000;

const SCALE = /^[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?$/i;

/**
 * Reads `file[:scale]`.
 *
 * @throws {UsageError} if there is no file, or the scale is none or too large
 */
export function parseAdapter(text: string): AdapterChoice {
  const [, before, last] = text.match(/^(.*):([^:]*)$/s) ?? [];
  const hasScale = last !== undefined && SCALE.test(last);
  if (last !== undefined && !hasScale && exists(before) && !exists(text)) {
    throw new UsageError(
      `The scale of an adapter is a number: received ${describe(last)} behind ${
        describe(before)
      }. ` +
        "Write for example --adapter my-lora:0.5.",
    );
  }
  const choice = hasScale ? { path: before, scale: Number(last) } : { path: text, scale: 1 };
  if (choice.path !== "" && Math.abs(choice.scale) <= MAX_SCALE) return choice;
  throw new UsageError(
    `--adapter needs a folder or file, perhaps with a number up to 1000 behind a colon: received ${
      describe(text)
    }. Write for example --adapter my-lora:0.5.`,
  );
}
