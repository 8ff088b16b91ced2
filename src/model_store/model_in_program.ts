/**
 * The model inside a standalone program.
 *
 * @module
 */
import { programFilesFolder } from "../base/program_files.ts";

/** A model that was put into a program. */
export interface ModelInProgram {
  /** What it is called: the name of its file, without `.gguf`. */
  readonly name: string;
  /** Where Deno finds it. Native code does not. */
  readonly path: string;
}

/**
 * The model that `deno task compile --model` put into this program, if it did.
 *
 * @param folder what was put into the program
 */
export function modelInProgram(
  folder: string | undefined = programFilesFolder(),
): ModelInProgram | undefined {
  if (folder === undefined) return undefined;
  try {
    const [file] = Deno.readDirSync(`${folder}/model`);
    return file && { name: file.name.replace(/\.gguf$/, ""), path: `${folder}/model/${file.name}` };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
