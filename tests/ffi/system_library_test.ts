import { assertEquals } from "@std/assert";
import { keepLoaded } from "../../src/ffi/system_library.ts";
import { libraryFileName } from "../../src/native_library/build_stamp.ts";
import { built } from "../native_library/library_trial.ts";

Deno.test("keepLoaded() opens a library once more than anybody closes it", () => {
  const folder = Deno.makeTempDirSync();
  const copy = `${folder}/${libraryFileName()}`;
  Deno.copyFileSync(built, copy);
  keepLoaded(copy);
  if (Deno.build.os === "linux") {
    assertEquals(Deno.readTextFileSync("/proc/self/maps").includes(copy), true);
  }
  keepLoaded(`${folder}/nothing`);
  if (Deno.build.os !== "windows") Deno.removeSync(folder, { recursive: true });
});

/** Arranges for "destroyed" to be printed at the end of the process, and ends it. */
const ENDING = `
const { __cxa_atexit, puts } = Deno.dlopen("libc.so.6", {
  __cxa_atexit: { parameters: ["pointer", "buffer", "pointer"], result: "i32" },
  puts: { type: "pointer" },
}).symbols;
globalThis.text = new TextEncoder().encode("destroyed\\0");
__cxa_atexit(puts, globalThis.text, null);
if (Deno.args[0] === "without") endWithoutDestructors();
Deno.exit(7);`;

Deno.test({
  name: "endWithoutDestructors() leaves out what was arranged before, and keeps the exit code",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const module = new URL("../../src/ffi/system_library.ts", import.meta.url);
    const program = `import { endWithoutDestructors } from "${module}";${ENDING}`;
    const path = Deno.makeTempFileSync({ suffix: ".ts" });
    Deno.writeTextFileSync(path, program);
    const outcomes = [];
    for (const how of ["with", "without"]) {
      const { code, stdout } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-check", path, how],
      }).output();
      outcomes.push({ code, output: new TextDecoder().decode(stdout) });
    }
    Deno.removeSync(path);
    assertEquals(outcomes, [{ code: 7, output: "destroyed\n" }, { code: 7, output: "" }]);
  },
});
