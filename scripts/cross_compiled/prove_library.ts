/**
 * Tries a library for another system out.
 *
 * @module
 */
import { sha256 } from "../../src/base/sha256.ts";
import { type BuildStamp, stampPathOf } from "../../src/native_library/build_stamp.ts";
import type { Proof } from "../../src/native_library/proof/probe.ts";
import type { ForeignDeno } from "./foreign_deno.ts";

/**
 * Tries a library out, and leaves the note beside it that the build would leave: with it nobody starts a process to try it
 * out again, which cannot be done in QEMU, where only the first process is emulated.
 */
export async function proveLibrary(foreign: ForeignDeno, library: string): Promise<Proof> {
  const probe = "src/native_library/proof/probe.ts";
  const flags = ["--no-check", "--allow-ffi", "--allow-read"];
  const path = foreign.pathThere(library);
  const proof: Proof = JSON.parse(await foreign.deno(["run", ...flags, probe, path]));
  const cpuId = await foreign.deno([
    "eval",
    "--no-check",
    'import { cpuId } from "./src/ffi/cpu_id.ts"; console.log(cpuId());',
  ]);
  const stamp: BuildStamp = {
    ...proof,
    sha256: await sha256(await Deno.readFile(library)),
    backend: "cpu",
    cpuId: Number(cpuId),
    inputs: {},
  };
  await Deno.writeTextFile(stampPathOf(library), JSON.stringify(stamp));
  return proof;
}
