/**
 * Which CPU this is, told without the native library: a library that dies on some CPU cannot be asked.
 *
 * @module
 */

/** How the C library says what a CPU can do, and how many such answers there are. */
const sources: Partial<Record<string, () => Iterable<number>>> = {
  "linux-x86_64": cpuidWords,
  "linux-aarch64": hardwareCapabilities,
};

/** Names of the entries of `cpuid` in glibc (since 2.33): leaves 1, 7, 0x80000001, 13.1, 0x80000007, 0x80000008, 7.1. */
const NUM_LEAVES = 7;
/** `struct { unsigned cpuid[4]; unsigned active[4]; }`: what the CPU has, and what of that the system lets it do. */
const LEAF_BYTES = 32;
const FAMILY = 0;
const ACTIVE = 16;
const AT_HWCAP = 16n;
const AT_HWCAP2 = 26n;

let known: number | undefined;

/**
 * A number that is the same on CPUs with the same instruction sets, and most likely another on others. Where the system
 * does not say what its CPU can do (macOS, Windows, a C library from before 2021) it is 0.
 */
export function cpuId(): number {
  if (known === undefined) {
    let id = 2166136261; // FNV-1a, by words instead of bytes.
    let numWords = 0;
    for (const word of sources[`${Deno.build.os}-${Deno.build.arch}`]?.() ?? []) {
      id = Math.imul(id ^ word, 16777619) >>> 0;
      numWords++;
    }
    known = numWords === 0 ? 0 : id;
  }
  return known;
}

function* cpuidWords(): Generator<number> {
  const { leaf } = openSystemLibrary({
    leaf: {
      name: "__x86_get_cpuid_feature_leaf",
      parameters: ["u32"],
      result: "pointer",
      optional: true,
    },
  });
  if (leaf === null) return;
  for (let i = 0; i < NUM_LEAVES; i++) {
    const words = leaf(i);
    if (words === null) return;
    const view = new DataView(Deno.UnsafePointerView.getArrayBuffer(words, LEAF_BYTES));
    if (i === 0) yield view.getUint32(FAMILY, true);
    // Not all that the CPU says of itself: that has the number of the core in it that this thread happens to run on.
    for (let word = 0; word < 4; word++) yield view.getUint32(ACTIVE + 4 * word, true);
  }
}

function* hardwareCapabilities(): Generator<number> {
  const { getauxval } = openSystemLibrary({
    getauxval: { parameters: ["u64"], result: "u64" },
  });
  for (const type of [AT_HWCAP, AT_HWCAP2]) {
    const capabilities = getauxval(type);
    yield Number(capabilities & 0xffffffffn);
    yield Number(capabilities >> 32n);
  }
}

function openSystemLibrary<const S extends Deno.ForeignLibraryInterface>(functions: S) {
  return Deno.dlopen("libc.so.6", functions).symbols;
}
