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
