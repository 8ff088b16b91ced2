/**
 * What the machine is and how fast it reads its memory.
 *
 * @module
 */
import { run } from "./command.ts";

/** Instruction sets that matter to matrix products. */
const FEATURES =
  /^(avx|avx2|fma|f16c|avx_vnni|avx512f|avx512bw|avx512_vnni|avx512_bf16|avx512_fp16|amx_tile|amx_int8|amx_bf16|asimd|asimddp|i8mm|sve|sve2|bf16)$/;

/** Bytes to read: those of a small model's weights, and far more than any cache holds. */
const BANDWIDTH_BYTES = [128 * 2 ** 20, 2 ** 30];

/** What there is to say of the machine, by what it is about. */
export async function describeMachine(): Promise<[name: string, value: string][]> {
  const compiler = await run(Deno.env.get("CC") ?? "cc", ["--version"]).catch(() => "");
  const gigabytes = Deno.systemMemoryInfo().total / 1e9;
  return [
    ["Processor", await processor()],
    ["Cores", String(navigator.hardwareConcurrency)],
    ...await instructionSets(),
    ...await caches(),
    ["Memory", `${gigabytes.toFixed(1)} GB`],
    ["System", `${Deno.build.os} ${Deno.osRelease()}, ${Deno.build.arch}`],
    ["Compiler", compiler.split("\n")[0] || "unknown"],
    ["Deno", Deno.version.deno],
  ];
}

/** How fast memory is read, in GB/s, by amount and number of threads. */
export async function readBandwidth(
  program: string,
  threads: number,
): Promise<{ bytes: number; threads: number; gigabytesPerSecond: number }[]> {
  const results = [];
  for (const bytes of BANDWIDTH_BYTES) {
    for (const count of new Set([1, threads])) {
      const [rate] = (await run(program, [String(bytes), String(count)])).split(" ");
      results.push({ bytes, threads: count, gigabytesPerSecond: Number(rate) / 1e9 });
    }
  }
  return results;
}

async function processor(): Promise<string> {
  if (Deno.build.os === "darwin") {
    return (await run("sysctl", ["-n", "machdep.cpu.brand_string"])).trim();
  }
  const field = (name: string) =>
    new RegExp(`^${name}\\s*:\\s*(.*)$`, "m").exec(Deno.readTextFileSync("/proc/cpuinfo"))?.[1];
  const [name, family, model] = [field("model name"), field("cpu family"), field("model")];
  return `${name ?? "unknown"}${family === undefined ? "" : `, family ${family}, model ${model}`}`;
}

async function instructionSets(): Promise<[string, string][]> {
  if (Deno.build.os !== "linux") return [];
  const text = await Deno.readTextFile("/proc/cpuinfo");
  const [, flags = ""] = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(text) ?? [];
  const known = flags.split(" ").filter((flag) => FEATURES.test(flag));
  return [["Instruction sets", known.join(", ") || "none of interest"]];
}

async function caches(): Promise<[string, string][]> {
  const folder = "/sys/devices/system/cpu/cpu0/cache";
  const found: string[] = [];
  try {
    for (const { name } of Array.from(Deno.readDirSync(folder)).sort(byName)) {
      if (!name.startsWith("index")) continue;
      const read = async (file: string) =>
        (await Deno.readTextFile(`${folder}/${name}/${file}`)).trim();
      if (await read("type") === "Instruction") continue;
      found.push(`L${await read("level")} ${await read("size")}`);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found.length === 0 ? [] : [["Caches of the first core", found.join(", ")]];
}

function byName(a: Deno.DirEntry, b: Deno.DirEntry): number {
  return a.name < b.name ? -1 : 1;
}
