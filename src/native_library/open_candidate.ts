/**
 * Verifies and opens one native library.
 *
 * Opening a damaged library, or one for another CPU, kills the process instead of throwing. So before a library is
 * opened its bytes are compared with what was built or published; and one that was never seen to work on this CPU is
 * first tried out in a child process.
 *
 * @module
 */
import { describeBinary } from "./binary_format.ts";
import { abiVersion } from "../ffi/gpt2_native.ts";
import type { LibraryCandidate } from "./library_candidates.ts";
import { openFiles } from "../ffi/open_files.ts";
import { ensureProven } from "./proof.ts";
import type { Library } from "../ffi/symbols.ts";

/** What one file of a candidate holds. */
export interface FileContents {
  readonly bytes: Uint8Array;
  /** Of the bytes, in hexadecimal. */
  readonly sha256: string;
}

/** The paths of a candidate's files, in the order in which they are opened. */
export function pathsOf({ path, files }: LibraryCandidate): string[] {
  return files?.map(({ path }) => path) ?? [path];
}

/**
 * Opens a candidate.
 *
 * @param contents of each of its files
 * @param again whether to try it out even if it failed before
 * @throws {Error} that says why it cannot be used
 */
export function openCandidate(
  candidate: LibraryCandidate,
  contents: readonly FileContents[],
  again: boolean,
): Library {
  const { stamp } = candidate;
  const paths = pathsOf(candidate);
  contents.forEach((file, i) => checkFile(candidate, i, file));
  if (stamp !== undefined) checkVersion(stamp.abiVersion);
  const { sha256 } = contents[contents.length - 1];
  // Not even opened in this process before it was seen to work in another.
  const prove = () => ensureProven(paths, sha256, again);
  if (stamp === undefined) prove();

  keepBacktracesQuiet();
  const native = openFiles(paths);
  native.gpt2_install_abort_handler();
  native.gpt2_silence_log();
  checkVersion(native.gpt2_abi_version());
  const missing = native.gpt2_missing_cpu_feature();
  if (missing !== null) {
    const feature = Deno.UnsafePointerView.getCString(missing);
    throw new Error(`it was built for a CPU with ${feature}, which this one lacks`);
  }
  if (stamp !== undefined && stamp.cpuId !== native.gpt2_cpu_id()) prove();
  native.gpt2_use_kernels();
  return native;
}

function checkFile({ stamp, files }: LibraryCandidate, index: number, file: FileContents): void {
  const expected = files === undefined ? stamp?.sha256 : files[index].sha256;
  if (expected !== undefined && file.sha256 !== expected) {
    const name = files === undefined ? "it" : files[index].path;
    const made = files === undefined ? "built" : "published";
    throw new Error(`${name} is damaged: it is not the file that was ${made}`);
  }
  const here = `${Deno.build.os} ${Deno.build.arch}`;
  const madeFor = describeBinary(file.bytes);
  if (madeFor === undefined) throw new Error("it is not a library");
  if (madeFor !== here) throw new Error(`it is for another machine: ${madeFor}, not ${here}`);
}

function checkVersion(version: number): void {
  if (version !== abiVersion) {
    throw new Error(`it is of another version: received ${version} instead of ${abiVersion}`);
  }
}

/** Keeps ggml from starting a debugger on itself when it fails; it reads the variable while it is being opened. */
function keepBacktracesQuiet(): void {
  try {
    Deno.env.set("GGML_NO_BACKTRACE", "1");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
  }
}
