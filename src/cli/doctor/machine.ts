/**
 * The machine and the programs that this runs on.
 *
 * @module
 */
import denoConfig from "../../../deno.json" with { type: "json" };
import { cpuFeatures } from "../../ffi/cpu_features.ts";
import { levelsWith } from "../../native_library/cpu_levels.ts";
import { mayCallAll } from "./permissions.ts";

/** Versions of what runs. */
export interface Versions {
  /** This package. */
  readonly package: string;
  readonly deno: string;
  readonly v8: string;
  readonly typescript: string;
}

/** What is known about the machine; nothing where a permission is missing, or the system does not tell. */
export interface Machine {
  readonly os: string;
  readonly osRelease?: string;
  readonly arch: string;
  readonly processor?: string;
  readonly numProcessors: number;
  readonly memoryBytes?: number;
  /** The processor's instruction sets, as Linux names them. */
  readonly features?: readonly string[];
  /** The levels of instructions that it has, best first. */
  readonly levels?: readonly string[];
}

/** Instruction sets that matter to matrix products; the rest of the list is long. */
const RELEVANT_FEATURES = /^(sse4|ssse3|avx|amx|fma|f16c|bmi|asimd|fphp|sve|sme|i8mm|bf16|dotprod)/;

/** The versions of this package, Deno and what is in it. */
export function describeVersions(): Versions {
  return { package: denoConfig.version, ...Deno.version };
}

/** What can be told about this machine without asking for a permission. */
export function describeMachine(): Machine {
  const { os, arch } = Deno.build;
  const isAllowed = (kind: "osRelease" | "cpus" | "systemMemoryInfo") =>
    Deno.permissions.querySync({ name: "sys", kind }).state === "granted";
  return {
    os,
    osRelease: isAllowed("osRelease") ? Deno.osRelease() : undefined,
    arch,
    processor: isAllowed("cpus")
      ? process.getBuiltinModule("node:os").cpus()[0]?.model.trim() || undefined
      : undefined,
    numProcessors: navigator.hardwareConcurrency,
    memoryBytes: isAllowed("systemMemoryInfo") ? Deno.systemMemoryInfo().total : undefined,
    ...describeInstructions(),
  };
}

function describeInstructions(): Pick<Machine, "features" | "levels"> {
  const features = mayCallAll() ? cpuFeatures() : undefined;
  if (features === undefined) return {};
  return {
    features: [...features].filter((name) => RELEVANT_FEATURES.test(name)).sort(),
    levels: levelsWith(features),
  };
}
