/**
 * The flags of a command that computes with a model.
 *
 * @module
 */
import { fileTypes } from "../../checkpoint/file_types.ts";
import { adapterFlag } from "./adapter_flag.ts";
import { modelFlag, threadsFlag, typeFlag } from "./common_flags.ts";
import { deviceFlags } from "./device_flags.ts";
import type { Flags, FlagValues } from "./flags.ts";

/** Which type weights have that nobody has named one for. */
export const DEFAULT_TYPE = "Default: as stored; q8_0 for a model of the hub.";

/** Which model, and how it is held and computed. */
export const modelFlags = {
  model: modelFlag,
  type: {
    ...typeFlag,
    help: `Hold the weights as this type: ${fileTypes.join(", ")}. ${DEFAULT_TYPE}`,
  },
  adapter: adapterFlag,
  threads: threadsFlag,
  ...deviceFlags,
} as const satisfies Flags;

/** Their values. */
export type ModelValues = FlagValues<typeof modelFlags>;
