import { assertEquals } from "@std/assert";
import {
  bytesOf,
  exists,
  folderOf,
  isFile,
  isFolder,
  isTaken,
  namesIn,
  readLinkIfAny,
  readTextIfAny,
  throughLinks,
} from "../../src/base/files.ts";
import { TemporaryFolder } from "../checkpoint/folders.ts";

Deno.test({
  name: "exists(), isTaken(), isFile() and isFolder() tell files, folders and links apart",
  ignore: Deno.build.os === "windows", // Not everyone may make links there.
  fn: () => {
    using folder = new TemporaryFolder();
    Deno.writeTextFileSync(folder.file("file"), "text");
    Deno.mkdirSync(folder.file("folder"));
    Deno.symlinkSync(folder.file("file"), folder.file("link"));
    Deno.symlinkSync(folder.file("nowhere"), folder.file("dangling"));
    Deno.symlinkSync(folder.file("circle"), folder.file("circle"));
    const rows = [
      ["file", true, true, true, false],
      ["folder", true, true, false, true],
      ["link", true, true, true, false],
      ["dangling", false, true, false, false],
      ["circle", false, true, false, false],
      ["nothing", false, false, false, false],
      ["file/below", false, false, false, false],
      ["a\0b", false, false, false, false],
      ["circle/below", false, false, false, false],
      ["n".repeat(300), false, false, false, false],
    ] as const;
    for (const [name, ...expected] of rows) {
      const path = folder.file(name);
      assertEquals([exists(path), isTaken(path), isFile(path), isFolder(path)], expected, name);
    }
    assertEquals(readTextIfAny(folder.file("file")), "text");
    assertEquals(readTextIfAny(folder.file("dangling")), undefined);
    assertEquals(namesIn(folder.file("file")), []);
    assertEquals(bytesOf(folder.path), 4); // Links take no room.
    assertEquals(bytesOf(folder.file("file")), 4);
    assertEquals(bytesOf(folder.file("dangling")), 0);
    assertEquals(bytesOf(folder.file("nothing")), 0);
  },
});

Deno.test("folderOf() gives the folder that a file is in", () => {
  const rows = [["/a/b", "/a"], ["/a", "/"], ["a/b/c", "a/b"], ["a", "."], ["./a", "."], [
    "/a//b",
    "/a",
  ]];
  for (const [path, folder] of rows) assertEquals(folderOf(path), folder, path);
});

Deno.test({
  name: "throughLinks() gives what a link leads to, be it there or not",
  ignore: Deno.build.os === "windows", // Not everyone may make links there.
  fn: () => {
    using folder = new TemporaryFolder();
    Deno.mkdirSync(folder.file("below"));
    const links = {
      "absolute": folder.file("file"),
      "relative": "below/file",
      "below/up": "../file",
      "second": "below/up",
      "circle": "circle",
    };
    for (const [name, target] of Object.entries(links)) {
      Deno.symlinkSync(target, folder.file(name));
      assertEquals(readLinkIfAny(folder.file(name)), target);
    }
    assertEquals(throughLinks(folder.file("absolute")), folder.file("file"));
    assertEquals(throughLinks(folder.file("relative")), folder.file("below/file"));
    Deno.writeTextFileSync(throughLinks(folder.file("second")), "text");
    assertEquals(Deno.readTextFileSync(folder.file("file")), "text");
    for (const name of ["file", "nothing", "below"]) {
      assertEquals(throughLinks(folder.file(name)), folder.file(name));
      assertEquals(readLinkIfAny(folder.file(name)), undefined);
    }
    // It is for the system to say that this leads nowhere.
    assertEquals(readLinkIfAny(throughLinks(folder.file("circle"))), "circle");
  },
});
