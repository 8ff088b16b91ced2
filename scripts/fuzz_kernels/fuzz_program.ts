/**
 * Compiles `fuzz.cpp` with GCC and the sanitizers for addresses and undefined behaviour.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { ensureGgmlSource } from "../native_source.ts";

const SANITIZERS = [
  "-fsanitize=address,undefined",
  "-fno-sanitize=vptr",
  "-fno-sanitize-recover=all",
];
const SECTIONS = ["-ffunction-sections", "-fdata-sections"];

const here = fileURLToPath(new URL(".", import.meta.url));
const nativeFolder = fileURLToPath(new URL("../../native", import.meta.url));

/** Makes programs of one kind of processor, for sets of instructions of it. */
export class FuzzCompiler {
  readonly #work: string;
  readonly #prefix: string;
  readonly #folders: readonly string[];

  private constructor(work: string, prefix: string, folders: readonly string[]) {
    this.#work = work;
    this.#prefix = prefix;
    this.#folders = folders;
  }

  /**
   * Compiles what all programs have in common.
   *
   * @param work an empty folder
   * @param prefix of the names of compilers, such as `aarch64-linux-gnu-`
   */
  static async start(work: string, prefix = ""): Promise<FuzzCompiler> {
    const source = await ensureGgmlSource(work, () => {});
    // Made by CMake otherwise; nobody asks for a version here.
    await Deno.writeTextFile(
      `${work}/ggml-version.h`,
      '#define GGML_VERSION ""\n#define GGML_COMMIT ""\n',
    );
    const folders = [
      work,
      nativeFolder,
      `${source}/include`,
      `${source}/src`,
      `${source}/src/ggml-cpu`,
    ]
      .map((folder) => `-I${folder}`);
    const objects = ["ggml.c", "ggml-quants.c", "ggml-threading.cpp"]
      .map((name) => `${source}/src/${name}`);
    await Promise.all(objects.map((path, i) =>
      run(`${prefix}gcc`, [
        ...["-O1", "-w", ...SECTIONS, ...folders],
        ...["-c", path, "-o", `${work}/${i}.o`],
      ])
    ));
    return new FuzzCompiler(work, prefix, folders);
  }

  /** Compiles the program for the instructions that flags allow, and returns its path. */
  async compile(name: string, flags: readonly string[]): Promise<string> {
    const work = this.#work, program = `${work}/fuzz-${name}`;
    await run(`${this.#prefix}g++`, [
      ...["-std=gnu++17", "-O1", "-g1", "-w", "-ffp-contract=off", ...SANITIZERS, ...SECTIONS],
      ...[...flags, ...this.#folders],
      ...["fuzz", "fuzz_training", "never_called"].map((name) => `${here}/${name}.cpp`),
      ...trainingSources(),
      ...[`${work}/0.o`, `${work}/1.o`, `${work}/2.o`],
      ...["-Wl,--gc-sections", "-lpthread", "-o", program],
    ]);
    return program;
  }
}

/** The kernels of training, each in a file of its own. */
function trainingSources(): string[] {
  const folder = `${nativeFolder}/training`;
  return Array.from(Deno.readDirSync(folder), ({ name }) => `${folder}/${name}`)
    .filter((path) => path.endsWith(".cpp"));
}

async function run(command: string, args: string[]): Promise<void> {
  const { success } = await new Deno.Command(command, { args }).spawn().status;
  if (!success) throw new Error(`Cannot fuzz the kernels: ${command} failed`);
}
