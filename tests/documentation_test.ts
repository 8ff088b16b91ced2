/** The programs in the pages under docs/ and in the README. */
import { assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import { TemporaryFolder } from "./checkpoint/folders.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

Deno.test("the programs in README.md and docs/ have the right types, and run", async () => {
  const pages = Deno.readDirSync(`${root}/docs`).filter(({ name }) => name.endsWith(".md"))
    .map(({ name }) => `${root}/docs/${name}`).toArray();
  const paths = [`${root}/README.md`, ...pages];
  // Those that begin with ```ts ignore need what a test has not.
  const numPrograms = paths.reduce(
    (sum, path) => sum + (Deno.readTextFileSync(path).match(/^ *```ts$/gm)?.length ?? 0),
    0,
  );
  // Some write files, and some read those of tests.
  using folder = new TemporaryFolder();
  Deno.symlinkSync(`${root}/tests`, folder.file("tests"));
  const flags = ["--allow-all", "--quiet", "--doc", "--config", `${root}/deno.json`];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["test", ...flags, ...paths],
    cwd: folder.path,
    env: { NO_COLOR: "1" },
  }).output();
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assertEquals(code, 0, said);
  assertMatch(said, new RegExp(`ok \\| ${numPrograms} passed`));
});
