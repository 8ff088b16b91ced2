/**
 * Finds, verifies and opens the native library, once per process.
 *
 * Opening a damaged library, or one for another CPU, kills the process instead of throwing. So before a library is
 * opened its bytes are compared with what was built; and one that was never seen to work on this CPU is first tried out
 * in a child process.
 *
 * @module
 */

import { NativeLibraryError } from "../errors.ts";
import { describeBinary } from "./binary_format.ts";
import { abiVersion } from "./gpt2.ts";
import { findCandidate, type LibraryCandidate } from "./library_candidates.ts";
import { proveLibrary, rememberProof, wasProven } from "./proof.ts";
import { type Library, symbols } from "./symbols.ts";

export type { Library };

let opened: Library | undefined;

/**
 * The native library, opened on first use and never closed.
 *
 * @throws {NativeLibraryError} if there is none that can be trusted; the message says what to do
 */
export function library(): Library {
  if (opened === undefined) {
    const candidate = explain(undefined, findCandidate);
    const bytes = explain(candidate, () => Deno.readFileSync(candidate.path));
    // Web Crypto has no synchronous digest. Loading node:crypto takes longer than all the rest here, so only now.
    const { createHash } = process.getBuiltinModule("node:crypto");
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    opened = explain(candidate, () => open(candidate, bytes, sha256));
  }
  return opened;
}

/**
 * Opens the native library ahead of its first use: faster than {@linkcode library} does, and for the most part beside
 * the main thread. Wherever one may wait, await this first.
 *
 * @throws {NativeLibraryError} if there is none that can be trusted; the message says what to do
 */
export async function openLibrary(): Promise<Library> {
  if (opened === undefined) {
    const candidate = explain(undefined, findCandidate);
    const reading = Deno.readFile(candidate.path);
    const bytes = await reading.catch((error) => fail(candidate, error));
    const sha256 = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
    opened ??= explain(candidate, () => open(candidate, bytes, sha256));
  }
  return opened;
}

function open(candidate: LibraryCandidate, bytes: Uint8Array, sha256: string): Library {
  const { path, stamp } = candidate;
  if (stamp !== undefined && stamp.sha256 !== sha256) {
    refuse(candidate, "it is damaged: it is not the file that was built");
  }
  const here = `${Deno.build.os} ${Deno.build.arch}`;
  const madeFor = describeBinary(bytes);
  if (madeFor === undefined) refuse(candidate, "it is not a library");
  if (madeFor !== here) refuse(candidate, `it is for another machine: ${madeFor}, not ${here}`);
  if (stamp !== undefined && stamp.abiVersion !== abiVersion) {
    refuseVersion(candidate, stamp.abiVersion);
  }
  // Not even opened in this process before it was seen to work in another.
  if (stamp === undefined && !wasProven(sha256)) prove(candidate, sha256);

  keepBacktracesQuiet();
  const native: Library = Deno.dlopen(path, symbols).symbols;
  native.gpt2_install_abort_handler();
  native.gpt2_silence_log();
  if (native.gpt2_abi_version() !== abiVersion) {
    refuseVersion(candidate, native.gpt2_abi_version());
  }
  const missing = native.gpt2_missing_cpu_feature();
  if (missing !== null) {
    const feature = Deno.UnsafePointerView.getCString(missing);
    refuse(candidate, `it was built for a CPU with ${feature}, which this one lacks`);
  }
  const cpuId = native.gpt2_cpu_id();
  if (stamp?.cpuId !== cpuId && !wasProven(sha256, cpuId)) prove(candidate, sha256);
  native.gpt2_use_kernels();
  return native;
}

/** Tries the library out in a child process, and remembers that it worked. */
function prove(candidate: LibraryCandidate, sha256: string): void {
  let cpuId: number;
  try {
    cpuId = proveLibrary(candidate.path).cpuId;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    const message = (error as Error).message;
    refuse(candidate, missingFunction(message) ?? `it does not work on this machine: ${message}`);
  }
  rememberProof(sha256, cpuId);
}

/** Keeps ggml from starting a debugger on itself when it fails; it reads the variable while it is being opened. */
function keepBacktracesQuiet(): void {
  try {
    Deno.env.set("GGML_NO_BACKTRACE", "1");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
  }
}

function refuse(candidate: LibraryCandidate, problem: string): never {
  throw new NativeLibraryError(
    `Cannot open the native library ${candidate.path}: ${problem}. ${candidate.remedy}`,
  );
}

function refuseVersion(candidate: LibraryCandidate, version: number): never {
  refuse(candidate, `it is of another version: received ${version} instead of ${abiVersion}`);
}

/** Runs `step`; what it throws becomes a NativeLibraryError that says what to do. */
function explain<T>(candidate: LibraryCandidate | undefined, step: () => T): T {
  try {
    return step();
  } catch (error) {
    fail(candidate, error);
  }
}

function fail(candidate: LibraryCandidate | undefined, error: unknown): never {
  if (error instanceof NativeLibraryError || !(error instanceof Error)) throw error;
  const which = candidate === undefined ? "" : ` ${candidate.path}`;
  let problem = missingFunction(error.message) ?? error.message;
  let remedy = candidate?.remedy ?? "";
  if (error instanceof Deno.errors.NotFound) {
    problem = "there is no such file";
  } else if (error instanceof Deno.errors.NotCapable) {
    const flag = error.message.match(/--allow-\w+/)?.[0] ?? "--allow-all";
    problem = flag === "--allow-run"
      ? "Deno was started without --allow-run, and a library that is new here is first tried out in a child process"
      : `Deno was started without ${flag}`;
    remedy = `Run with ${flag}.`;
  }
  throw new NativeLibraryError(`Cannot open the native library${which}: ${problem}. ${remedy}`, {
    cause: error,
  });
}

/** What Deno's message about a function that a library lacks says about the library; undefined for other messages. */
function missingFunction(message: string): string | undefined {
  const name = message.match(/register symbol (\w+)/)?.[1];
  return name && `it is of another version: it has no function ${name}`;
}
