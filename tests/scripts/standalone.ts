/**
 * Standalone programs for tests: real ones where DENORT_BIN names Deno's runtime for them, and elsewhere programs that
 * Deno runs from the same files, made to believe that they are standalone.
 */
import { compileProgram, layOut, type Program } from "../../scripts/standalone_program.ts";

const denort = Deno.env.get("DENORT_BIN");

/** Writes the program `folder`/program. */
export async function makeProgram(
  folder: string,
  program: Omit<Program, "output">,
): Promise<string> {
  const output = `${folder}/program`;
  if (denort) await compileProgram({ ...program, output });
  else await imitateProgram(`${folder}/files`, { ...program, output });
  return output;
}

async function imitateProgram(files: string, program: Program): Promise<void> {
  await Deno.mkdir(files);
  await layOut(program, files);
  // What is different inside a compiled program, as far as it was seen to matter.
  await Deno.writeTextFile(
    `${files}/standalone.js`,
    `Object.defineProperty(Deno, "build", { value: { ...Deno.build, standalone: true } });
    Deno.execPath = () => ${JSON.stringify(program.output)};
    const isInside = (path) => String(path).startsWith(${JSON.stringify(files)});
    const inside = (file) => Object.assign(file, {
      statSync() {
        throw new Deno.errors.NotSupported("The operation is not supported");
      },
    });
    const { open, openSync } = Deno;
    Deno.open = async (path, ...options) =>
      isInside(path) ? inside(await open(path, ...options)) : await open(path, ...options);
    Deno.openSync = (path, ...options) =>
      isInside(path) ? inside(openSync(path, ...options)) : openSync(path, ...options);`,
  );
  const flags = "-A --quiet --no-config --no-lock --no-remote --no-npm --no-check";
  await Deno.writeTextFile(
    program.output,
    `#!/bin/sh\nexec "${Deno.execPath()}" run ${flags} --preload "${files}/standalone.js" "${files}/mod.ts" "$@"\n`,
    { mode: 0o700 },
  );
}
