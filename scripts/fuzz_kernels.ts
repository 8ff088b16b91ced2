/**
 * Runs the kernels of `native/` on random operands, under the sanitizers for addresses and undefined behaviour, for each set
 * of instructions that this CPU has: `fuzz_kernels/fuzz.cpp`. By hand, on Linux, with GCC.
 *
 *     deno run -A scripts/fuzz_kernels.ts [--level avx2|avx-vnni|avx512] [--first 1] [--seeds 300]
 *
 * Compiling takes half a minute for each. What fails names its seed: `--first <seed> --seeds 1` does it again.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { FuzzCompiler } from "./fuzz_kernels/fuzz_program.ts";
import { parseFlags, refuseArguments } from "./parse_flags.ts";

const AVX2 = ["-mavx2", "-mfma", "-mf16c", "-mbmi2"];
const AVX512 = ["f", "cd", "bw", "dq", "vl", "vbmi", "vnni"].map((part) => `-mavx512${part}`);
/** Those in which kernels of ours differ; VDPBF16PS is in the last where this CPU has it. */
const kernelLevels = ["avx2", "avx-vnni", "avx512"] as const;
type KernelLevel = typeof kernelLevels[number];

const here = fileURLToPath(new URL("fuzz_kernels", import.meta.url));

function flagsFor(level: KernelLevel, features: ReadonlySet<string>): string[] {
  switch (level) {
    case "avx2":
      return AVX2;
    case "avx-vnni":
      return features.has("avx_vnni")
        ? [...AVX2, "-mavxvnni"]
        : [...AVX2, "-mavx512vl", "-mavx512vnni", "-include", `${here}/byte_products_of_avx512.h`];
    case "avx512":
      return [...AVX2, ...AVX512, ...(features.has("avx512_bf16") ? ["-mavx512bf16"] : [])];
  }
}

async function run(command: string, args: string[]): Promise<void> {
  const { success } = await new Deno.Command(command, { args }).spawn().status;
  if (!success) throw new Error(`Cannot fuzz the kernels: ${command} failed`);
}

const { values } = parseFlags(
  Deno.args,
  { values: ["level", "first", "seeds"], switches: [] },
);
const features = new Set(
  Deno.readTextFileSync("/proc/cpuinfo").match(/^flags.*$/m)?.[0].split(" "),
);
const canRun = (level: KernelLevel) =>
  level === "avx2" ? features.has("avx2") : features.has("avx512_vnni") ||
    level === "avx-vnni" && features.has("avx_vnni");
const levels = kernelLevels.filter((level) =>
  values.level === undefined ? canRun(level) : level === values.level
);
if (levels.length === 0 && values.level !== undefined) {
  refuseArguments(`--level must be one of ${kernelLevels.join(", ")}: received ${values.level}`);
}
const work = await Deno.makeTempDir({ prefix: "gpt2-fuzz-" });
try {
  const compiler = await FuzzCompiler.start(work);
  for (const level of levels) {
    const program = await compiler.compile(level, flagsFor(level, features));
    await Deno.stdout.write(new TextEncoder().encode(`${level}: `));
    await run(program, [values.first ?? "1", values.seeds ?? "300"]);
  }
} finally {
  await Deno.remove(work, { recursive: true });
}
