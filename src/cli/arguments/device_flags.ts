/**
 * The flags that say where a model is computed.
 *
 * @module
 */
import { InvalidArgumentError } from "../../base/errors.ts";
import { quote } from "../../base/describe.ts";
import { type CacheType, cacheTypes } from "../../model/compute_options.ts";
import { type DeviceName, parseDeviceName } from "../../native_library/device_name.ts";
import { parseRpcEndpoint } from "../../tensor/rpc_endpoint.ts";
import type { Flags, FlagValues } from "./flags.ts";
import { UsageError } from "./usage_error.ts";

/** `--device`, `--rpc` and `--cache-type`. */
export const deviceFlags = {
  device: {
    kind: "text",
    valueName: "name",
    help: "Where to compute: cpu, cuda, metal, vulkan, one of several as in cuda:1, or auto, " +
      "the first GPU that the model fits into, or else the CPU. Default: auto.",
  },
  rpc: {
    kind: "text",
    valueName: "servers",
    help: "Compute on servers, each with a part of the layers: host:port, separated by commas.",
  },
  cacheType: {
    kind: "choice",
    valueName: "type",
    choices: cacheTypes,
    help:
      "Remember keys and values as f32, f16 or q8_0. Default: f32 for weights in F32, else f16.",
  },
} as const satisfies Flags;

/**
 * The options that the flags ask for, checked before anything is loaded.
 *
 * @throws {UsageError} if a device or server cannot have such a name, or both are given
 */
export function deviceOptions(
  { device = "auto", rpc, cacheType: type }: FlagValues<typeof deviceFlags>,
): { device: DeviceName; rpc?: string[]; cacheType?: CacheType } {
  const { kind } = checked(() => parseDeviceName(device));
  const cacheType = type as CacheType | undefined;
  if (rpc === undefined) return { device: device as DeviceName, cacheType };
  if (kind !== "auto") {
    throw new UsageError(
      `--device and --rpc exclude each other: received ${quote(device)} and ${quote(rpc)}. ` +
        "A server computes on the devices that it was started with.",
    );
  }
  const servers = rpc.split(",");
  checked(() => servers.forEach(parseRpcEndpoint));
  return { device: "auto", rpc: servers, cacheType };
}

/** What `parse` returns; what it refuses is an error of usage. */
function checked<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw new UsageError(error.message);
  }
}
