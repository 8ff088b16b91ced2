/**
 * Proving a native library in a process of its own, and remembering which libraries were proven.
 *
 * @module
 */

import { cacheFolder } from "./cache_folder.ts";
import type { Proof } from "./probe.ts";

/** The argument with which a standalone program runs the probe instead of what it is there for; a path follows. */
export const probeFlag = "--probe-native-library";

/** Runs the probe (`probe.ts`) on the library at `path` in a child process. Throws an Error that says what went wrong. */
export function proveLibrary(path: string): Proof {
  const { code, signal, stdout, stderr } = new Deno.Command(Deno.execPath(), {
    args: [...probeProgram(), path],
    env: { GGML_NO_BACKTRACE: "1", NO_COLOR: "1" },
    stdin: "null",
  }).outputSync();
  if (signal !== null) {
    throw new Error(`a small computation ended with ${signal}`);
  }
  if (code !== 0) {
    const lastLine = new TextDecoder().decode(stderr).trim().split("\n").at(-1);
    throw new Error(lastLine || `a small computation ended with exit code ${code}`);
  }
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** What has Deno, or the standalone program that this is, run the probe. */
function probeProgram(): string[] {
  if (!Deno.build.standalone) {
    const probe = new URL("./probe.ts", import.meta.url).href;
    return ["run", "--quiet", "--no-prompt", "--no-config", "--no-lock", "--allow-ffi", probe];
  }
  // Any other program would take no notice of the flag, and start itself over and over.
  if (Deno.mainModule !== new URL("../../mod.ts", import.meta.url).href) {
    throw new Error(
      "it is new on this machine, and a compiled program cannot try it out: " +
        "let Deno run a program that uses this package, once",
    );
  }
  return [probeFlag];
}

/** Whether a library with these contents was proven on the CPU with this `gpt2_cpu_id()`, or on any if it is left out. */
export function wasProven(sha256: string, cpuId?: number): boolean {
  const cpuIds = readProofs(sha256);
  return cpuId === undefined ? cpuIds.length > 0 : cpuIds.includes(cpuId);
}

/** Remembers that a library with these contents works on this CPU; where nothing can be written, it is proven again next time. */
export function rememberProof(sha256: string, cpuId: number): void {
  const path = proofPath(sha256);
  if (path === undefined) return;
  try {
    Deno.mkdirSync(path.slice(0, -sha256.length - ".json".length), { recursive: true });
    const temporary = `${path}.${crypto.randomUUID()}`;
    Deno.writeTextFileSync(temporary, JSON.stringify([...readProofs(sha256), cpuId]));
    Deno.renameSync(temporary, path);
  } catch {
    return;
  }
}

function readProofs(sha256: string): number[] {
  const path = proofPath(sha256);
  if (path === undefined) return [];
  try {
    const cpuIds: unknown = JSON.parse(Deno.readTextFileSync(path));
    return Array.isArray(cpuIds) ? cpuIds : [];
  } catch {
    return [];
  }
}

function proofPath(sha256: string): string | undefined {
  const folder = cacheFolder();
  return folder && `${folder}/proven-libraries/${sha256}.json`;
}
