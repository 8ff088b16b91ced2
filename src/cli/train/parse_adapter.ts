/**
 * What an adapter is to be, from the text of a flag.
 *
 * @module
 */
import { quote } from "../../base/describe.ts";
import type { AdapterTarget } from "../../model/adapter_weights.ts";
import type { CreateAdapterOptions } from "../../model/create_adapter.ts";
import { UsageError } from "../arguments/usage_error.ts";

const TARGETS: Readonly<Record<string, AdapterTarget>> = {
  qkv: "qkvProjection",
  output: "outputProjection",
  hidden: "hiddenProjection",
  mlp: "mlpProjection",
};

/** What an adapter is to be, and the share of its inputs that is left out in training. */
export interface LoraChoice {
  readonly adapter: CreateAdapterOptions;
  readonly dropout?: number;
}

/**
 * Reads `rank=8,alpha=16,dropout=0.05,targets=qkv,output`; all of it may be left out.
 *
 * @throws {UsageError} if it is something else
 */
export function parseAdapter(text: string): LoraChoice {
  const options: { rank?: number; alpha?: number; targets?: AdapterTarget[] } = {};
  let dropout: number | undefined;
  const given = new Set<string>();
  for (const part of text.split(",").map((part) => part.trim())) {
    const [name, value] = part.includes("=") ? part.split("=", 2) : [undefined, part];
    if (name !== undefined && given.has(name)) {
      throw new UsageError(
        `--lora takes ${name} once: received ${quote(text)}. Give it one value.`,
      );
    }
    if (name !== undefined) given.add(name);
    const isTarget = name === "targets" || (name === undefined && options.targets !== undefined);
    if (isTarget && Object.hasOwn(TARGETS, value)) (options.targets ??= []).push(TARGETS[value]);
    else if (name === "rank" && /^\d+$/.test(value)) options.rank = Number(value);
    else if (name === "alpha" && /^\d+(\.\d+)?$/.test(value)) options.alpha = Number(value);
    else if (name === "dropout" && /^0?\.\d+$|^0$/.test(value)) dropout = Number(value);
    else if (text.trim() !== "") {
      throw new UsageError(
        `--lora takes rank=<integer>, alpha=<number>, dropout=<less than 1> and targets=${
          Object.keys(TARGETS).join(",")
        }: received ${quote(part)}. Write for example rank=8,alpha=16,targets=qkv,output.`,
      );
    }
  }
  return { adapter: options, ...dropout !== undefined && { dropout } };
}
