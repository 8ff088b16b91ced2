/** The programs in docs/examples. */
import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";

const folder = new URL("../docs/examples/", import.meta.url);
const examples = Deno.readDirSync(fileURLToPath(folder)).map(({ name }) => name).toArray().sort();

for (const name of examples) {
  Deno.test(`docs/examples/${name} is short, imports what users import, and prints something`, async () => {
    const path = fileURLToPath(new URL(name, folder));
    const source = Deno.readTextFileSync(path);
    assert(source.split("\n").length <= 40, "an example has fewer than 40 lines");
    assert(source.includes(`//     deno run -A docs/examples/${name}`), "it says how it is run");
    for (const [, module] of source.matchAll(/ from "([^"]+)"/g)) {
      assert(/^@allformers\/gpt2(\/\w+)?$/.test(module), module);
    }
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--no-check", path],
      env: { NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder();
    assertEquals([code, text.decode(stderr)], [0, ""]);
    const printed = text.decode(stdout);
    assert(printed.trim().split("\n").length >= 3, printed);
    assert(!/undefined|NaN|\[object/.test(printed), printed);
  });
}
