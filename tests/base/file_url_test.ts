import { assertEquals, assertThrows } from "@std/assert";
import { fileURLToPath, pathToFileURL } from "node:url";
import { pathOfFileUrl } from "../../src/base/file_url.ts";

Deno.test("pathOfFileUrl() gives what fileURLToPath() gives", () => {
  for (const name of ["plain.gguf", "with space", "per%cent", "ü", "a#b?c", "back\\slash"]) {
    const url = pathToFileURL(`${import.meta.dirname}/${name}`);
    assertEquals(pathOfFileUrl(url), fileURLToPath(url), name);
  }
  for (const url of ["file:///a%2fb", "file:///%00/%2f", "file:///%zz", "file:///%ff"]) {
    const message = `its URL names none on this system: received "${url}". Give its path.`;
    assertThrows(() => pathOfFileUrl(new URL(url)), TypeError, message);
  }
});

Deno.test({
  name: "pathOfFileUrl() refuses the files of another host",
  ignore: Deno.build.os === "windows", // There they have paths.
  fn: () => void assertThrows(() => pathOfFileUrl(new URL("file://host/a")), TypeError),
});
