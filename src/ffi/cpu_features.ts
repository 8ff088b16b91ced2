/**
 * What this CPU can do, told without the native library: which library is the right one depends on it.
 *
 * @module
 */
import { cString } from "./memory.ts";
import { openSystemLibrary, readKernelFile } from "./system_library.ts";

/** How a system says it. */
const sources: Partial<Record<typeof Deno.build.os, () => Iterable<string>>> = {
  linux: kernelFeatures,
  darwin: systemControls,
  windows: processorFeatures,
};

let known: { features: ReadonlySet<string> | undefined } | undefined;

/** The names of what this CPU has, as Linux names them; undefined where the system does not tell. */
export function cpuFeatures(): ReadonlySet<string> | undefined {
  known ??= { features: collect(sources[Deno.build.os]) };
  return known.features;
}

function collect(source: (() => Iterable<string>) | undefined): ReadonlySet<string> | undefined {
  try {
    const features = new Set(source?.() ?? []);
    return features.size === 0 ? undefined : features;
  } catch (error) {
    // A missing --allow-ffi is for the user to decide; all else is a system that does not answer as it should.
    if (error instanceof Deno.errors.NotCapable) throw error;
    return undefined;
  }
}

/** What the kernel lets programs use of the first processor. */
function kernelFeatures(): Iterable<string> {
  return featuresIn(readKernelFile("/proc/cpuinfo"));
}

/** The features in the text of `/proc/cpuinfo`. */
export function featuresIn(cpuInfo: string): string[] {
  return cpuInfo.match(/^(?:flags|Features)\s*:\s*(.*)$/m)?.[1].split(" ") ?? [];
}

/** Of macOS: what says that a feature is there. */
const CONTROLS: Readonly<Record<string, readonly string[]>> = {
  "hw.optional.sse4_2": ["sse4_2"],
  "hw.optional.avx2_0": ["avx2", "f16c", "bmi2"],
  "hw.optional.fma": ["fma"],
  "hw.optional.arm.FEAT_FP16": ["asimdhp"],
  "hw.optional.arm.FEAT_DotProd": ["asimddp"],
  "hw.optional.arm.FEAT_I8MM": ["i8mm"],
};

function* systemControls(): Generator<string> {
  const { sysctlbyname } = openSystemLibrary({
    // int sysctlbyname(const char * name, void * oldp, size_t * oldlenp, void * newp, size_t newlen)
    sysctlbyname: { parameters: ["buffer", "buffer", "buffer", "pointer", "usize"], result: "i32" },
  });
  for (const [control, names] of Object.entries(CONTROLS)) {
    const value = new Int32Array(2);
    const length = new BigUint64Array([BigInt(value.byteLength)]);
    const status = sysctlbyname(cString(control), value, length, null, 0n);
    if (status === 0 && value[0] === 1) yield* names;
  }
}

/**
 * Of Windows: numbers of features, and what they are taken to say. Windows tells little: that AVX-512 has VNNI too is found
 * out by trying, and AVX-VNNI and AMX are not found at all.
 */
const PROCESSOR_FEATURES: readonly (readonly [feature: number, names: readonly string[]])[] = [
  [38, ["sse4_2"]],
  [40, ["avx2", "fma", "f16c", "bmi2"]],
  [41, ["f", "cd", "bw", "dq", "vl", "vbmi", "_vnni"].map((part) => `avx512${part}`)],
  [43, ["asimddp", "asimdhp"]],
];

function* processorFeatures(): Generator<string> {
  const { IsProcessorFeaturePresent } = openSystemLibrary({
    // BOOL IsProcessorFeaturePresent(DWORD ProcessorFeature)
    IsProcessorFeaturePresent: { parameters: ["u32"], result: "i32" },
  });
  for (const [feature, names] of PROCESSOR_FEATURES) {
    if (IsProcessorFeaturePresent(feature) !== 0) yield* names;
  }
}
