/**
 * Programs for ARM, and Deno's own build for it, in QEMU's emulation of a process on Linux.
 *
 * @module
 */
import { fetchNpmPackage } from "../../src/native_library/npm_package.ts";
import { type ForeignDeno, root } from "../cross_compiled/foreign_deno.ts";

/** A level of `native/CMakeLists.txt`, and a processor that QEMU knows which has it. */
export interface ArmLevel {
  readonly name: string;
  /** As GCC's `-march` names it. */
  readonly architecture: string;
  /** As QEMU names it. There is none with i8mm but the one that has everything. */
  readonly processor: string;
}

/** From the least to the most. */
export const armLevels: readonly ArmLevel[] = [
  { name: "armv8", architecture: "armv8-a", processor: "cortex-a72" },
  { name: "dotprod", architecture: "armv8.2-a+dotprod+fp16", processor: "cortex-a76" },
  { name: "i8mm", architecture: "armv8.2-a+dotprod+fp16+i8mm", processor: "max" },
];

const EMULATOR = "qemu-aarch64-static";
/** The libraries of the cross compiler. */
const SYSTEM = "/usr/aarch64-linux-gnu";

const DENO = {
  name: "@deno/linux-arm64-glibc",
  version: "2.9.6",
  integrity:
    "sha512-poqhoH9B3nYloigEMPT5t8HY+wBeiuea1An5Q7fqgJzP0SYmWsoS/oUnWO/pEiA4ofzIBy1Elt/in58xKtxEoQ==",
};

/** Runs programs. */
export class ArmEmulator {
  readonly #deno: string;
  readonly #denoFolder: string;

  private constructor(deno: string, denoFolder: string) {
    this.#deno = deno;
    this.#denoFolder = denoFolder;
  }

  /** Fetches Deno for ARM into a folder. */
  static async start(work: string): Promise<ArmEmulator> {
    const folder = `${work}/npm`;
    await Deno.mkdir(folder, { recursive: true });
    const deno = `${await fetchNpmPackage(DENO, folder)}/deno`;
    await Deno.chmod(deno, 0o755);
    return new ArmEmulator(deno, `${work}/deno`);
  }

  /** Runs a program to its good end, and returns what it wrote. */
  async run(
    processor: string,
    command: readonly string[],
    env: Record<string, string> = {},
  ): Promise<string> {
    const { success, stdout, stderr } = await this.#output(processor, command, env);
    const decoder = new TextDecoder();
    if (!success) {
      throw new Error(
        `On ${processor} this failed: ${command.join(" ")}\n${decoder.decode(stderr)}`,
      );
    }
    return decoder.decode(stdout);
  }

  /** Runs a program that has to end at an instruction which the processor does not have. */
  async runToIllegalInstruction(processor: string, command: readonly string[]): Promise<void> {
    const { signal } = await this.#output(processor, command, {});
    if (signal !== "SIGILL") {
      throw new Error(`On ${processor} this should have met an unknown instruction: ${command[0]}`);
    }
  }

  /** Deno on a processor. */
  denoOn(processor: string): ForeignDeno {
    return {
      deno: (args, env) => this.run(processor, [this.#deno, ...args], env),
      pathThere: (path) => path,
    };
  }

  async #output(processor: string, command: readonly string[], env: Record<string, string>) {
    return await new Deno.Command(EMULATOR, {
      args: ["-L", SYSTEM, "-cpu", processor, ...command],
      // The search for leaks needs what QEMU does not emulate.
      env: { ASAN_OPTIONS: "detect_leaks=0", DENO_DIR: this.#denoFolder, NO_COLOR: "1", ...env },
      cwd: root,
    }).output();
  }
}
