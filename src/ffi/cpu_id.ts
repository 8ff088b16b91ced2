/**
 * Which CPU this is, told without the native library: a library that dies on some CPU cannot be asked.
 *
 * @module
 */
import { cString } from "./memory.ts";
import { openSystemLibrary, readKernelFile } from "./system_library.ts";

/** How a system says what its CPU is and can do, as numbers. */
const sources: Partial<Record<string, () => Iterable<number>>> = {
  "linux-x86_64": cpuidWords,
  "linux-aarch64": hardwareCapabilities,
  "darwin-x86_64": systemControls,
  "darwin-aarch64": systemControls,
  "windows-x86_64": processorFeatures,
  "windows-aarch64": processorFeatures,
};

let known: { id: number | undefined } | undefined;

/**
 * A number that is the same on CPUs with the same instruction sets, and most likely another on others. Undefined where the
 * system does not say what its CPU can do: what was found out about a library there cannot be remembered, for the next time
 * it may be another machine that shares or inherited the folder.
 */
export function cpuId(): number | undefined {
  known ??= { id: identify(sources[`${Deno.build.os}-${Deno.build.arch}`]) };
  return known.id;
}

/** What the words of a source come to; undefined if it has none, or fails. */
export function identify(source: (() => Iterable<number>) | undefined): number | undefined {
  let id = 2166136261; // FNV-1a, by words instead of bytes.
  let numWords = 0;
  try {
    for (const word of source?.() ?? []) {
      id = Math.imul(id ^ word, 16777619) >>> 0;
      numWords++;
    }
  } catch (error) {
    // A missing --allow-ffi is for the user to decide; all else is a system that does not answer as it should.
    if (error instanceof Deno.errors.NotCapable) throw error;
    return undefined;
  }
  return numWords === 0 ? undefined : id;
}

/** Names of the entries of `cpuid` in glibc (since 2.33): leaves 1, 7, 0x80000001, 13.1, 0x80000007, 0x80000008, 7.1. */
const NUM_LEAVES = 7;
/** `struct { unsigned cpuid[4]; unsigned active[4]; }`: what the CPU has, and what of that the system lets it do. */
const LEAF_BYTES = 32;
const FAMILY = 0;
const ACTIVE = 16;

function* cpuidWords(): Generator<number> {
  const { leaf } = openSystemLibrary({
    leaf: {
      name: "__x86_get_cpuid_feature_leaf",
      parameters: ["u32"],
      result: "pointer",
      optional: true,
    },
  });
  if (leaf === null) return yield* processorInfo();
  for (let i = 0; i < NUM_LEAVES; i++) {
    const words = leaf(i);
    if (words === null) return;
    const view = new DataView(Deno.UnsafePointerView.getArrayBuffer(words, LEAF_BYTES));
    if (i === 0) yield view.getUint32(FAMILY, true);
    // Not all that the CPU says of itself: that has the number of the core in it that this thread happens to run on.
    for (let word = 0; word < 4; word++) yield view.getUint32(ACTIVE + 4 * word, true);
  }
}

/** The same for an older glibc, as far as the kernel tells it. */
export function* processorInfo(): Generator<number> {
  const [first] = readKernelFile("/proc/cpuinfo").split("\n\n");
  // Other lines change from moment to moment, or from one core to another.
  for (const [line] of first.matchAll(/^(vendor_id|cpu family|model|stepping|flags)\t.*$/gm)) {
    yield* new TextEncoder().encode(line);
  }
}

const AT_HWCAP = 16n;
const AT_HWCAP2 = 26n;

function* hardwareCapabilities(): Generator<number> {
  const { getauxval } = openSystemLibrary({
    // unsigned long getauxval(unsigned long type)
    getauxval: { parameters: ["u64"], result: "u64" },
  });
  for (const type of [AT_HWCAP, AT_HWCAP2]) {
    const capabilities = getauxval(type);
    yield Number(capabilities & 0xffffffffn);
    yield Number(capabilities >> 32n);
  }
}

/** Of macOS: names and numbers that tell one kind of CPU from another, and whether it is imitated by Rosetta. */
const CONTROLS = [
  "machdep.cpu.brand_string",
  "machdep.cpu.features",
  "machdep.cpu.leaf7_features",
  "hw.cpufamily",
  "hw.cpusubtype",
  "sysctl.proc_translated",
];
const MAX_CONTROL_BYTES = 4096;

function* systemControls(): Generator<number> {
  const { sysctlbyname } = openSystemLibrary({
    // int sysctlbyname(const char * name, void * oldp, size_t * oldlenp, void * newp, size_t newlen)
    sysctlbyname: { parameters: ["buffer", "buffer", "buffer", "pointer", "usize"], result: "i32" },
  });
  for (const [i, name] of CONTROLS.entries()) {
    const value = new Uint8Array(MAX_CONTROL_BYTES);
    const length = new BigUint64Array([BigInt(MAX_CONTROL_BYTES)]);
    const status = sysctlbyname(cString(name), value, length, null, 0n);
    if (status !== 0) continue; // Each kind of CPU has some of them.
    yield i;
    yield* value.subarray(0, Number(length[0]));
  }
}

/** More than Windows has numbers for. */
const NUM_PROCESSOR_FEATURES = 128;
/** `SYSTEM_INFO` on 64-bit systems, and where in it the family, model and stepping are. */
const SYSTEM_INFO_BYTES = 48;
const PROCESSOR_LEVEL_AND_REVISION = 44;

function* processorFeatures(): Generator<number> {
  const { IsProcessorFeaturePresent, GetSystemInfo } = openSystemLibrary({
    // BOOL IsProcessorFeaturePresent(DWORD ProcessorFeature)
    IsProcessorFeaturePresent: { parameters: ["u32"], result: "i32" },
    // void GetSystemInfo(LPSYSTEM_INFO lpSystemInfo)
    GetSystemInfo: { parameters: ["buffer"], result: "void" },
  });
  for (let feature = 0; feature < NUM_PROCESSOR_FEATURES; feature++) {
    if (IsProcessorFeaturePresent(feature) !== 0) yield feature;
  }
  const info = new DataView(new ArrayBuffer(SYSTEM_INFO_BYTES));
  GetSystemInfo(info.buffer);
  yield info.getUint32(PROCESSOR_LEVEL_AND_REVISION, true);
}
