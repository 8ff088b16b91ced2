/** Files that the system does not let be read, by whatever flag they are named. */
import { assertEquals, assertMatch } from "@std/assert";
import { TemporaryFolder } from "../checkpoint/folders.ts";
import { runCli } from "./run_cli.ts";

const LONG = "n".repeat(5000);

/** The error about a path. Windows says of all that there is no such file. */
function refused(path: string, reason: string, code: string): RegExp {
  return Deno.build.os === "windows"
    ? RegExp(`^error: Cannot read the text: there is no such file: received "${path}"`)
    : RegExp(`^error: Cannot read "${path}": ${reason}: received ${code}\\. `);
}

Deno.test("a name that no file can have is a file that is missing, and says so", async () => {
  const cases: [args: string[], message: RegExp][] = [
    [["--file", LONG], refused("\\.\\.\\.n+", "no file can have this name", "ENAMETOOLONG")],
    [["--prompts", LONG], refused("\\.\\.\\.n+", "no file can have this name", "ENAMETOOLONG")],
    [
      ["--file", "deno.json/below"],
      refused("deno\\.json/below", "there is no such file", "ENOTDIR"),
    ],
    [
      ["x", "--model", `${LONG}.gguf`],
      /^error: Cannot find the model: there is no such file or folder/,
    ],
    [["x", "--model", "./deno.json/below"], /^error: Cannot find the model: there is no such file/],
    [
      ["x", "--model", "file:///%00/%2f"],
      /^error: Cannot find the model: its URL names no file on/,
    ],
  ];
  for (const [args, message] of cases) {
    const { code, stderr } = await runCli(["generate", ...args]);
    assertMatch(stderr, message);
    assertEquals(code, 66, args[0]);
  }
});

Deno.test({
  name: "a link that leads to itself is a file that is missing, and says so",
  ignore: Deno.build.os === "windows", // Not everyone may make links there.
  fn: async () => {
    using folder = new TemporaryFolder();
    const circle = folder.file("circle");
    Deno.symlinkSync(circle, circle);
    for (const args of [["generate", "--file", circle], ["tokenize", "--file", circle]]) {
      const { code, stderr } = await runCli(args);
      assertMatch(stderr, /^error: Cannot read ".*circle": there is a link that leads to itself: /);
      assertEquals(code, 66);
    }
    const { code, stderr } = await runCli(["info", circle]);
    assertMatch(stderr, /^error: Cannot find the model: there is no such file or folder: /);
    assertEquals(code, 66);
  },
});

Deno.test({
  name: "a file that the system does not let be read is a storage error",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    for (const args of [["generate", "--file"], ["tokenize", "--file"], ["info"]]) {
      const { code, stderr } = await runCli([...args, "/proc/self/mem"]);
      assertMatch(
        stderr,
        /^error: Cannot read "\/proc\/self\/mem": the system refused: received E/,
      );
      assertEquals(code, 74);
    }
  },
});
