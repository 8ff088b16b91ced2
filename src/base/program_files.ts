/**
 * What `deno task compile` puts into a standalone program beside its modules: a native library and, if asked, a model.
 *
 * The files of such a program are in no folder of the disk. Deno reads them by paths below the one given here; native
 * code, and other programs, would find nothing there, or what somebody else has put there.
 *
 * @module
 */

/** The folder, from the root of a program. */
export const PROGRAM_FILES = "src/base/program_files";

/**
 * The path of the folder that holds what was put in: `library/`, with the native library and its stamp or with a
 * folder of that kind for each level of instructions, and `model/`,
 * with at most one GGUF file.
 *
 * @returns undefined outside a standalone program, and in one that took this package from the web. Elsewhere the folder
 * may still be missing: a program that somebody else compiled has none.
 */
export function programFilesFolder(): string | undefined {
  const folder = import.meta.dirname;
  return Deno.build.standalone && folder !== undefined ? `${folder}/program_files` : undefined;
}
