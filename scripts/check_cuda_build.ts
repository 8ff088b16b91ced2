/**
 * Builds the native library for CUDA on a machine without a GPU, and checks that it can be opened without a driver. For
 * development, on Linux: needs nvcc, cmake, ninja, pip and readelf.
 *
 *     deno run -A scripts/check_cuda_build.ts --work <folder> [--arch 90] [--units norm,softmax] [--jobs 2]
 *
 * What a toolkit may lack comes from PyPI: cuBLAS; in place of the driver's library there is an empty one, since nothing
 * of it is needed to link. The folder keeps what was compiled: what was interrupted goes on where it was. `--units`
 * compiles only these files of ggml, and checks nothing; all take more than an hour of processor time.
 *
 * Exits with 1 if the library needs the driver, names folders of this machine, lacks a function, or does not compute on
 * the processor as the library of this clone does.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { parseFlags, refuseArguments } from "./parse_flags.ts";
import { ensureGgmlSource } from "./native_source.ts";

/** The cuBLAS of each version of CUDA. */
const CUBLAS: Readonly<Record<string, string>> = { "13.0": "13.0.2.14" };

const root = fileURLToPath(new URL("..", import.meta.url));
const GENERATE = ["--model", "demo", "--type", "f32", "--greedy", "-n", "16", "ROMEO:"];

interface Output {
  code: number;
  stdout: string;
  stderr: string;
}

async function run(command: string, args: string[], env = {}, cwd = root): Promise<Output> {
  const { code, stdout, stderr } = await new Deno.Command(command, { args, env, cwd }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Runs something that must not fail. */
async function must(command: string, args: string[], env = {}, cwd = root): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, env, cwd);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}:\n${stdout.slice(-3000)}${stderr}`);
  return stdout;
}

/** A copy of the toolkit of this machine, with what it lacks. */
async function completeToolkit(work: string): Promise<string> {
  const toolkit = `${work}/toolkit`;
  if (await Deno.stat(`${toolkit}/complete`).then(() => true, () => false)) return toolkit;
  const version = (await must("nvcc", ["--version"])).match(/release (\d+\.\d+)/)![1];
  const cublas = CUBLAS[version];
  if (cublas === undefined) throw new Error(`no cuBLAS is known for CUDA ${version}`);
  const verbose = await run("nvcc", ["--dryrun", "-c", "x.cu"]);
  const top = verbose.stderr.match(/^#\$ TOP=(.*)$/m)![1].trim();
  await must("cp", ["-a", await Deno.realPath(top), toolkit]);
  const wheels = `${work}/wheels`;
  await must("python3", [
    "-m",
    "pip",
    "download",
    "--no-deps",
    "-d",
    wheels,
    `nvidia-cublas==${cublas}`,
  ]);
  const [wheel] = Array.from(Deno.readDirSync(wheels), ({ name }) => name);
  await must("python3", ["-m", "zipfile", "-e", `${wheels}/${wheel}`, `${work}/cublas`]);
  const packed = `${work}/cublas/nvidia/cu${version.split(".")[0]}`;
  await must("sh", ["-c", `cp -r ${packed}/include/. ${toolkit}/include/`]);
  const lib = `${toolkit}/lib64`;
  await Deno.mkdir(`${lib}/stubs`, { recursive: true });
  await must("sh", ["-c", `cp ${packed}/lib/libcublas*.so* ${lib}/`]);
  for (const name of ["libcublas", "libcublasLt", "libcudart"]) {
    await must("sh", [
      "-c",
      `cd ${lib} && ls ${name}.so.* | head -n 1 | xargs -I{} ln -sf {} ${name}.so`,
    ]);
  }
  await must("cc", ["-shared", "-o", `${lib}/stubs/libcuda.so`, "-x", "c", "/dev/null"]);
  await Deno.writeTextFile(`${toolkit}/complete`, "");
  return toolkit;
}

/** Configures, and compiles all or some files of ggml-cuda. Returns the path of the library, if all. */
async function build(
  work: string,
  toolkit: string,
  arch: string,
  units: string[],
  jobs: string,
): Promise<string | undefined> {
  const source = await ensureGgmlSource(`${work}/source`, (doing) => console.log(doing));
  const env = { CUDAToolkit_ROOT: toolkit, CUDACXX: `${toolkit}/bin/nvcc` };
  const folder = `${work}/build-${arch}`;
  console.log(`Configuring in ${folder} ...`);
  const configured = await must("cmake", [
    "-S",
    `${root}/native`,
    "-B",
    folder,
    "-G",
    "Ninja",
    "-DCMAKE_BUILD_TYPE=Release",
    `-DGGML_SOURCE=${source}`,
    "-DGPT2_BACKEND=cuda",
    `-DGPT2_CUDA_ARCHITECTURES=${arch}`,
  ], env);
  console.log(configured.match(/Using CMAKE_CUDA_ARCHITECTURES=\S+/)?.[0] ?? configured);
  const all = (await must("ninja", ["-C", folder, "-t", "targets", "all"]))
    .split("\n").map((line) => line.split(":")[0])
    .filter((name) => /ggml-cuda\.dir\/.*\.cu\.o$/.test(name));
  const chosen = units.map((unit) => {
    const object = all.find((name) => name.endsWith(`/${unit}.cu.o`));
    if (object === undefined) throw new RangeError(`ggml-cuda has no file ${unit}.cu`);
    return object;
  });
  console.log(`${all.length} files of CUDA; compiling ${chosen.length || "all"} ...`);
  const begin = performance.now();
  const child = new Deno.Command("ninja", {
    args: ["-C", folder, "-j", jobs, ...(chosen.length === 0 ? ["gpt2"] : chosen)],
    env,
  }).spawn();
  if (!(await child.status).success) throw new Error("ninja failed");
  console.log(`took ${((performance.now() - begin) / 1000).toFixed(0)} s`);
  return chosen.length === 0 ? `${folder}/out/libgpt2.so` : undefined;
}

/** What is wrong with the library. */
async function check(library: string, toolkit: string): Promise<string[]> {
  const problems: string[] = [];
  const { size } = await Deno.stat(library);
  console.log(`${library}: ${(size / 1e6).toFixed(1)} MB`);
  const dynamic = await must("readelf", ["-d", library]);
  console.log(dynamic.split("\n").filter((line) => /NEEDED|R(UN)?PATH/.test(line)).join("\n"));
  if (/NEEDED.*libcuda\.so/.test(dynamic)) problems.push("it needs the driver's libcuda");
  if (/R(UN)?PATH/.test(dynamic)) problems.push("it names folders of this machine");

  const env = { GPT2_NATIVE_LIBRARY: library, LD_LIBRARY_PATH: `${toolkit}/lib64` };
  const deno = (args: string[], env = {}) => run(Deno.execPath(), ["run", "-A", ...args], env);
  const own = await deno(["mod.ts", ...GENERATE, "--quiet"]);
  const other = await deno(["mod.ts", ...GENERATE, "--quiet"], env);
  if (other.code !== 0 || other.stdout !== own.stdout) {
    problems.push(`it does not compute on the processor: ${other.stderr}`);
  }
  if (other.stderr !== "") problems.push(`it says something at the start: ${other.stderr}`);
  const named = await deno(["mod.ts", ...GENERATE, "--device", "cuda"], env);
  console.log(`--device cuda: exit code ${named.code}: ${named.stderr.trim()}`);
  if (named.code !== 78) problems.push("--device cuda does not end with exit code 78");
  const doctor = await deno(["mod.ts", "doctor"], env);
  const line = doctor.stdout.split("\n").find((line) => line.includes("module for cuda")) ?? "";
  console.log(`doctor: ${line.trim()}`);
  if (!line.includes("driver")) problems.push("doctor does not say why CUDA is not used");
  return problems;
}

async function main(args: string[]): Promise<number> {
  const { values } = parseFlags(
    args,
    { values: ["work", "arch", "units", "jobs"] },
  );
  const { work, arch = "90", units = "", jobs = String(navigator.hardwareConcurrency) } = values;
  if (work === undefined) {
    refuseArguments("no folder is named: received no --work. Give one that may be written to");
  }
  await Deno.mkdir(work, { recursive: true });
  const folder = await Deno.realPath(work);
  const toolkit = await completeToolkit(folder);
  const chosen = units.split(",").filter((unit) => unit !== "");
  const library = await build(folder, toolkit, arch, chosen, jobs);
  if (library === undefined) return 0;
  const problems = await check(library, toolkit);
  for (const problem of problems) console.error(problem);
  return problems.length === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
