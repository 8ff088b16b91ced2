/**
 * Compiles the native library with CMake.
 *
 * @module
 */

import { libraryFileName } from "../src/native_library/build_stamp.ts";
import { BuildError, exitCodes, fullDisk, isAboutFullDisk } from "./build_error.ts";
import { hasNinja, type NativeBackend } from "./native_tools.ts";

const TAIL_LINES = 20;
const TAIL_CHARACTERS = 1500;

const HINTS: [symptom: RegExp, hint: string][] = [
  [
    /no GPU was detected/,
    "No GPU is to be seen here: name the architecture to build for, such as --arch 90.",
  ],
  [
    /CUDA::cublas/,
    "The CUDA toolkit is here without cuBLAS: install that as well (Debian, Ubuntu: libcublas-dev).",
  ],
  [
    /"SPIRV-Headers"|SPIRV-HeadersConfig/,
    "The headers of SPIR-V are missing (Debian, Ubuntu: spirv-headers; in a folder of their own: CMAKE_PREFIX_PATH).",
  ],
  [
    /LayerSettingsCreateInfoEXT|VK_API_VERSION_1_4/,
    "The Vulkan headers are too old (those of Debian 12 are): take the Vulkan SDK, or Debian 13's libvulkan-dev.",
  ],
];

/** What to compile, and where. */
export interface CompileOptions {
  /** The folder with CMakeLists.txt. */
  nativeFolder: string;
  /** The folder of ggml's source. */
  source: string;
  /** Where CMake keeps its files; reused as it is if it exists. */
  workFolder: string;
  backend: NativeBackend;
  /** CUDA architectures, or the empty string for those of this machine. */
  arch: string;
  /** The instructions that it may use, or the empty string for all of this machine's. */
  level: string;
  /** Whether to compile the RPC server as well. */
  rpcServer: boolean;
  /** Takes everything that CMake and the compilers write. */
  log: Deno.FsFile;
  logPath: string;
  /** Called with the part that is done, 0 to 1, and how much that is, where the build tool says so. */
  onProgress: (part: number, details: string) => void;
  /** Called with each line that CMake and the compilers write. */
  onLine: (line: string) => void;
  /** Ends the compilation. */
  signal: AbortSignal;
}

/** Compiles, and returns the path of the library in the work folder. Throws a BuildError with the end of the log. */
export async function compile(options: CompileOptions): Promise<string> {
  const { nativeFolder, source, workFolder, backend, arch, level, rpcServer } = options;
  const generator = Deno.build.os === "windows"
    ? []
    : ["-G", hasNinja() ? "Ninja" : "Unix Makefiles"];
  await run(options, "configure", [
    "-S",
    nativeFolder,
    "-B",
    workFolder,
    ...generator,
    "-DCMAKE_BUILD_TYPE=Release",
    `-DGGML_SOURCE=${source}`,
    `-DGPT2_BACKEND=${backend}`,
    `-DGPT2_CUDA_ARCHITECTURES=${arch}`,
    `-DGPT2_CPU_LEVEL=${level}`,
  ]);
  await run(options, "compile", [
    "--build",
    workFolder,
    "--config",
    "Release",
    "--target",
    "gpt2",
    ...(rpcServer ? ["rpc-server"] : []),
    "--parallel",
    String(navigator.hardwareConcurrency),
  ]);
  return `${workFolder}/out/${libraryFileName()}`;
}

async function run(options: CompileOptions, step: string, args: string[]): Promise<void> {
  const { workFolder, log, logPath, onProgress, onLine, signal } = options;
  const lines: string[] = [];
  const encoder = new TextEncoder();
  const child = new Deno.Command("cmake", {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal,
  }).spawn();
  await Promise.all([child.stdout, child.stderr].map(async (stream) => {
    for await (const line of readLines(stream)) {
      lines.push(line);
      log.writeSync(encoder.encode(line + "\n"));
      onLine(line);
      const done = parseProgress(line);
      if (done !== undefined) onProgress(done.part, done.details);
    }
  }));
  if (!(await child.status).success) {
    if (lines.some(isAboutFullDisk)) throw fullDisk(`${step} the native library`, workFolder);
    throw new BuildError(
      `Cannot ${step} the native library: cmake failed; the end of ${logPath}:\n` +
        [lines.slice(-TAIL_LINES).join("\n").slice(-TAIL_CHARACTERS), ...hintsFor(lines)].join(
          "\n",
        ),
      exitCodes.environment,
    );
  }
}

/** What to do about failures whose messages do not say it. */
export function hintsFor(lines: string[]): string[] {
  return HINTS.filter(([symptom]) => lines.some((line) => symptom.test(line))).map(([, hint]) =>
    hint
  );
}

async function* readLines(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== "") yield rest;
}

/** How far the build is. */
export interface BuildProgress {
  /** The part that is done, 0 to 1. */
  readonly part: number;
  /** How much that is: `12 of 188 steps`. */
  readonly details: string;
}

/** What ninja's `[12/188] ...` or make's `[ 34%] ...` say; undefined for any other line. */
export function parseProgress(line: string): BuildProgress | undefined {
  const [, count, total, percent] = line.match(/^\[(?:(\d+)\/(\d+)| *(\d+)%)\]/) ?? [];
  if (percent !== undefined) return { part: Number(percent) / 100, details: "" };
  if (total === undefined) return undefined;
  return { part: Number(count) / Number(total), details: `${count} of ${total} steps` };
}
