/**
 * The compiler for Windows.
 *
 * @module
 */
import { libraryFileName } from "../../src/native_library/build_stamp.ts";
import type { CompileTarget } from "../cross_compiled/compile_library.ts";

/** What the names of the compiler's programs begin with, as Debian and Ubuntu have it. */
const PREFIX = "x86_64-w64-mingw32-";

/** What the library is compiled for. Of Debian's two kinds of threads it takes those that C++ knows. */
export const windowsTarget: CompileTarget = {
  system: "Windows",
  processor: "x86_64",
  cCompiler: `${PREFIX}gcc-posix`,
  cppCompiler: `${PREFIX}g++-posix`,
  fileName: libraryFileName("windows"),
};

/** What ggml needs, and Debian 12's headers lack. */
const NEEDED = "#include <windows.h>\nTHREAD_POWER_THROTTLING_STATE state;\n";

/** Throws unless the compiler is there, and new enough. */
export async function requireMingw(): Promise<void> {
  let received = "nothing";
  try {
    const child = new Deno.Command(windowsTarget.cCompiler, {
      args: ["-D_WIN32_WINNT=0x0A00", "-x", "c", "-fsyntax-only", "-"],
      stdin: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(NEEDED));
    await writer.close();
    const { success, stderr } = await child.output();
    if (success) return;
    received = new TextDecoder().decode(stderr).trim();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  throw new Error(
    `Cannot check the library for Windows: it takes ${windowsTarget.cCompiler} of mingw-w64 12 or later, as ` +
      `Debian 13 has it: received ${received}. See the head of scripts/check_windows.ts.`,
  );
}
