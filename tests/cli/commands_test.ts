import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import {
  commands,
  DEFAULT_COMMAND,
  loadCommand,
  otherCommandFiles,
} from "../../src/cli/commands.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

Deno.test("loadCommand() loads each command by its name", async () => {
  for (const name of commands.keys()) assertEquals((await loadCommand(name)).name, name);
});

Deno.test("otherCommandFiles() are the files of all commands but the default one", () => {
  const files = Array.from(Deno.readDirSync(`${root}src/cli`), ({ name }) => `src/cli/${name}`)
    .filter((path) => path.endsWith("_command.ts"));
  const expected = [...otherCommandFiles(), `src/cli/${DEFAULT_COMMAND}_command.ts`];
  assertEquals(files.sort(), expected.sort());
});

Deno.test("Deno reads only the default command before it starts", async () => {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", `${root}mod.ts`],
  }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(stdout));
  const read = modules.map(({ specifier }: { specifier: string }) => specifier)
    .filter((specifier: string) => specifier.endsWith("_command.ts"))
    .map((specifier: string) => specifier.split("/").at(-1));
  assertEquals(read, [`${DEFAULT_COMMAND}_command.ts`]);
});
