/**
 * Deno's own build for Windows, in Wine.
 *
 * @module
 */
import { fetchNpmPackage } from "../../src/native_library/npm_package.ts";
import { type ForeignDeno, root } from "../cross_compiled/foreign_deno.ts";

const DENO = {
  name: "@deno/win32-x64",
  version: "2.9.6",
  integrity:
    "sha512-qRGnmVz/Ea6UWPht/S3xFRK17UZ/ls38DSVfgGB17fpASLxPkksqzWUI/BzL9YYoOknYzfc94mySGyInZu/JXw==",
};

/** Debian 12's 8.0 lacks what Deno needs. */
const LEAST_VERSION = 10;

/** Runs Deno for Windows. */
export class Wine implements ForeignDeno {
  readonly #deno: string;
  readonly #env: Record<string, string>;

  private constructor(deno: string, work: string) {
    this.#deno = deno;
    const local = this.pathThere(`${work}/local`);
    this.#env = {
      ...{ WINEPREFIX: `${work}/wine`, WINEDEBUG: "-all", NO_COLOR: "1" },
      ...{ DENO_DIR: this.pathThere(`${work}/deno`), LOCALAPPDATA: local },
    };
  }

  /** Fetches Deno for Windows into a folder. */
  static async start(work: string): Promise<Wine> {
    await requireWine();
    const folder = `${work}/npm`;
    await Deno.mkdir(folder, { recursive: true });
    return new Wine(`${await fetchNpmPackage(DENO, folder)}/deno.exe`, work);
  }

  /** Paths of this system are on a drive of their own. */
  pathThere(path: string): string {
    return `Z:${path.replaceAll("/", "\\")}`;
  }

  async deno(args: string[], env: Record<string, string> = {}): Promise<string> {
    const { success, stdout, stderr } = await this.#command(args, env, "piped").output();
    const decoder = new TextDecoder();
    if (success) return decoder.decode(stdout);
    throw new Error(`In Wine this failed: deno ${args.join(" ")}\n${decoder.decode(stderr)}`);
  }

  /** Runs a program of Deno's whose words are for whoever looks on, and returns whether it ended well. */
  async show(args: string[], env: Record<string, string> = {}): Promise<boolean> {
    return (await this.#command(args, env, "inherit").spawn().status).success;
  }

  #command(args: string[], env: Record<string, string>, output: "piped" | "inherit") {
    return new Deno.Command("wine", {
      args: [this.#deno, ...args],
      env: { ...this.#env, ...env },
      cwd: root,
      stdin: "null",
      stdout: output,
      stderr: output,
    });
  }
}

async function requireWine(): Promise<void> {
  let received = "nothing";
  try {
    const { stdout } = await new Deno.Command("wine", { args: ["--version"] }).output();
    received = new TextDecoder().decode(stdout).trim();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const version = Number(/^wine-(\d+)/.exec(received)?.[1] ?? 0);
  if (version >= LEAST_VERSION) return;
  throw new Error(
    `Cannot check the library for Windows: it takes Wine ${LEAST_VERSION} or later, as Debian 13 has it: ` +
      `received ${received}. See the head of scripts/check_windows.ts.`,
  );
}
