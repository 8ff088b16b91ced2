import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { commands, loadCommand } from "../../src/cli/commands.ts";

Deno.test("loadCommand() loads each command by its name, from a file of its name", async () => {
  const folder = fileURLToPath(new URL("../../src/cli/", import.meta.url));
  for (const name of commands.keys()) assertEquals((await loadCommand(name)).name, name);
  const files = Array.from(Deno.readDirSync(folder), ({ name }) => name);
  const expected = [...commands.keys()].map((name) => `${name}_command.ts`);
  assertEquals(files.filter((name) => name.endsWith("_command.ts")).sort(), expected.sort());
});
