/**
 * Verifies and opens one native library.
 *
 * Opening a damaged library, or one for another CPU, kills the process instead of throwing; opening one that somebody else
 * put there runs whatever is in it. So before a library is opened it is looked at who could have written it, its bytes are
 * compared with what was built or published, and one that was never seen to work on this CPU is first tried out in a child
 * process.
 *
 * @module
 */
import { infoIfAny } from "../base/files.ts";
import { sha256, sha256Sync } from "../base/sha256.ts";
import { piece, type Work } from "../base/work.ts";
import { bindLibrary } from "../ffi/bind_library.ts";
import { cpuId } from "../ffi/cpu_id.ts";
import { abiVersion } from "../ffi/gpt2_native.ts";
import { type Library, openedLibrary } from "../ffi/library.ts";
import { describeBinary } from "./binary_format.ts";
import { DamagedLibraryError, type LibraryCandidate } from "./candidate.ts";
import { ensureProven } from "./proof/prove.ts";
import { requireTrusted } from "./trusted_path.ts";

/**
 * Opens a candidate.
 *
 * @param again whether to try it out even if it failed before
 * @throws {DamagedLibraryError} if a file is missing, or is not the original one
 * @throws {Error} that says why else it cannot be used
 */
export function* verifyAndOpen(
  { files, stamp }: LibraryCandidate,
  again: boolean,
): Work<Library> {
  const paths = files.map(({ path }) => requireTrustedFile(path));
  const hashes: string[] = [];
  for (const [i, path] of paths.entries()) {
    const { bytes, hash } = yield* readFile(path);
    const { sha256: expected = hash } = files[i];
    if (hash !== expected) {
      throw new DamagedLibraryError(`it is damaged: ${fileName(path)} is not the original file`);
    }
    requireForThisSystem(bytes);
    hashes.push(hash);
  }
  if (stamp !== undefined) requireVersion(stamp.abiVersion);
  // Not even opened in this process before it was seen to work on this CPU in another.
  if (stamp?.cpuId === undefined || stamp.cpuId !== cpuId()) {
    yield* ensureProven(paths, hashes.at(-1)!, again);
  }
  // Meanwhile another caller, who could not wait, may have opened one.
  return openedLibrary() ?? open(paths);
}

function open(paths: readonly string[]): Library {
  keepBacktracesQuiet();
  const library = bindLibrary(paths);
  library.gpt2_install_abort_handler();
  library.gpt2_silence_log();
  requireVersion(library.gpt2_abi_version());
  library.gpt2_use_kernels();
  return library;
}

/** A folder cannot be read, and reading a FIFO would wait for whoever writes into it. */
function requireTrustedFile(path: string): string {
  const info = infoIfAny(path);
  if (info === undefined) throw new DamagedLibraryError(`there is no file ${fileName(path)}`);
  if (info.isFile) return requireTrusted(path);
  throw new Error(`it is not a file: received a ${info.isDirectory ? "folder" : "FIFO or device"}`);
}

function fileName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function* readFile(path: string): Work<{ bytes: Uint8Array<ArrayBuffer>; hash: string }> {
  return yield* piece(() => {
    const bytes = Deno.readFileSync(path);
    return { bytes, hash: sha256Sync(bytes) };
  }, async () => {
    const bytes = await Deno.readFile(path);
    return { bytes, hash: await sha256(bytes) };
  });
}

function requireForThisSystem(bytes: Uint8Array): void {
  const here = `${Deno.build.os} ${Deno.build.arch}`;
  const madeFor = describeBinary(bytes);
  if (madeFor === undefined) throw new Error("it is not a library");
  if (madeFor !== here) throw new Error(`it is for another machine: ${madeFor}, not ${here}`);
}

function requireVersion(version: number): void {
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
