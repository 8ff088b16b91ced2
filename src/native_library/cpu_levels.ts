/**
 * The levels of instructions for which there is a library each.
 *
 * A library for one level is a whole one: everything in it may use the instructions of that level, and no others.
 *
 * @module
 */
import { environmentVariable } from "../base/environment.ts";
import { NativeLibraryError } from "../base/errors.ts";
import { cpuFeatures } from "../ffi/cpu_features.ts";

/** The environment variable that names the one level for which a library may be used. */
export const LEVEL_VARIABLE = "GPT2_CPU_LEVEL";

/** A set of instructions that many processors have together. `native/CMakeLists.txt` says what compilers are told. */
export interface CpuLevel {
  readonly name: string;
  /** What a processor must have for it, as Linux names it (`cpuFeatures()`). */
  readonly cpu: readonly string[];
  /** How ggml, asked what it is made for, names what tells a library of this level from the ones below. */
  readonly library: readonly string[];
}

const AVX2 = ["avx2", "fma", "f16c", "bmi2"];
const AVX512 = [
  "avx512f",
  "avx512cd",
  "avx512bw",
  "avx512dq",
  "avx512vl",
  "avx512vbmi",
  "avx512_vnni",
]
  .concat(AVX2);

const x86: readonly CpuLevel[] = [
  {
    name: "amx",
    cpu: [...AVX512, "avx512_bf16", "amx_tile", "amx_int8", "amx_bf16"],
    library: ["AVX512_VNNI", "AVX512_BF16", "AMX_INT8"],
  },
  {
    name: "avx512-bf16",
    cpu: [...AVX512, "avx512_bf16"],
    library: ["AVX512_VNNI", "AVX512_VBMI", "AVX512_BF16"],
  },
  { name: "avx512", cpu: AVX512, library: ["AVX512_VNNI", "AVX512_VBMI"] },
  { name: "avx-vnni", cpu: [...AVX2, "avx_vnni"], library: ["AVX2", "FMA", "AVX_VNNI"] },
  { name: "avx2", cpu: AVX2, library: ["AVX2", "FMA"] },
  { name: "sse42", cpu: ["sse4_2"], library: ["SSSE3"] },
];

const arm: readonly CpuLevel[] = [
  { name: "i8mm", cpu: ["asimddp", "asimdhp", "i8mm"], library: ["DOTPROD", "MATMUL_INT8"] },
  { name: "dotprod", cpu: ["asimddp", "asimdhp"], library: ["DOTPROD"] },
  { name: "armv8", cpu: [], library: ["NEON"] },
];

/** The levels of each kind of processor, best first. */
export const cpuLevels: Readonly<Record<typeof Deno.build.arch, readonly CpuLevel[]>> = {
  x86_64: x86,
  aarch64: arm,
};

/** The names of the levels of a kind of processor, by default this one, best first. */
export function levelNames(arch: typeof Deno.build.arch = Deno.build.arch): string[] {
  return cpuLevels[arch].map(({ name }) => name);
}

/**
 * The names of the levels that this processor has, best first; of all levels where the system does not tell. A library is
 * tried out before it is used in any case.
 */
export function levelsOfThisCpu(): string[] {
  return levelsWith(cpuFeatures());
}

/** The names of the levels of this kind of processor that need no more than these features. */
export function levelsWith(features: ReadonlySet<string> | undefined): string[] {
  return cpuLevels[Deno.build.arch]
    .filter(({ cpu }) => features === undefined || cpu.every((name) => features.has(name)))
    .map(({ name }) => name);
}

/** The level of a library by the instruction sets that it is made for, as ggml names them; undefined if it has none. */
export function levelOfLibrary(instructionSets: readonly string[]): string | undefined {
  return cpuLevels[Deno.build.arch]
    .find(({ library }) => library.every((name) => instructionSets.includes(name)))?.name;
}

/**
 * The level that the user asks for; undefined if any will do.
 *
 * @throws {NativeLibraryError} if processors of this kind have no such level
 */
export function forcedLevel(): string | undefined {
  const name = environmentVariable(LEVEL_VARIABLE);
  if (name === undefined || levelNames().includes(name)) return name;
  throw new NativeLibraryError(
    `Cannot open the native library: ${LEVEL_VARIABLE} is no level of instructions of ${Deno.build.arch}: received ` +
      `"${name}". Set it to one of ${levelsOfThisCpu().join(", ")}, or unset it.`,
  );
}
