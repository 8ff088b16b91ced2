/**
 * Choosing what a model is computed on.
 *
 * @module
 */
import type { TensorType } from "../formats/tensor_type.ts";
import { Backend } from "../tensor/backend.ts";
import { parseDeviceName } from "../native_library/device_name.ts";
import { findDevice, findFittingDevice } from "../tensor/device.ts";
import { RpcServers } from "../tensor/rpc_servers.ts";
import type { ComputeOptions } from "./compute_options.ts";
import type { GPT2Config } from "./config.ts";
import { suitableThreads } from "./model.ts";
import { type ParameterOptions, type ParameterSpec, parameterSpecs } from "./parameters.ts";
import { byteLength } from "./weights.ts";

/** What is to be loaded. */
export interface ModelToPlace extends ParameterOptions {
  /** Sizes of the model. */
  readonly config: GPT2Config;
  /** The stored type of a weight. */
  readonly dtypeOf: (spec: ParameterSpec) => TensorType;
}

/** What is not weights or cache: results of operations, and what a driver needs. */
const WORKING_BYTES = 256 * 2 ** 20;

/** Opens the backend for a model on this machine. */
export function openBackend(model: ModelToPlace, options: ComputeOptions): Backend {
  const { device = "auto", threads = suitableThreads(model.config) } = options;
  const { kind, index } = parseDeviceName(device);
  if (kind === "cpu") return Backend.cpu({ threads });
  const found = kind === "auto" ? findFittingDevice(neededBytes(model)) : findDevice(kind, index);
  return found === undefined ? Backend.cpu({ threads }) : Backend.gpu(found, { threads });
}

/**
 * Connects to the servers that a model is computed on.
 *
 * @param servers `host:port` of each
 */
export async function openRemoteBackend(
  { config }: ModelToPlace,
  servers: readonly string[],
  { threads = suitableThreads(config) }: ComputeOptions,
): Promise<Backend> {
  return Backend.rpc(await RpcServers.connect(servers), { threads });
}

/** The memory that a model takes with the keys and values of one full text. */
function neededBytes({ config, dtypeOf, tied }: ModelToPlace): number {
  const weights = parameterSpecs(config, { tied }).reduce(
    (sum, spec) => sum + byteLength(spec.shape, dtypeOf(spec)),
    0,
  );
  const { numLayers, contextLength, embeddingDim } = config;
  const cache = 2 * numLayers * contextLength * embeddingDim * Float32Array.BYTES_PER_ELEMENT;
  return weights + cache + WORKING_BYTES;
}
