/** The examples themselves run as tests, with `deno test --doc`. */
import { assert, assertEquals } from "@std/assert";
import { dirname, join } from "node:path/posix";
import { fileURLToPath } from "node:url";

const root = new URL("../", import.meta.url);
const read = (path: string) => Deno.readTextFileSync(new URL(path, root));

/** The examples in the doc comments of a file. */
function examplesOf(path: string): { info: string; code: string }[] {
  const comments = read(path).match(/\/\*\*[^]*?\*\//g) ?? [];
  return comments.flatMap((comment) =>
    [...comment.matchAll(/```(ts.*|js.*|typescript.*)\n([^]*?)```/g)]
      .map(([, info, code]) => ({ info, code }))
  );
}

function sourceFiles(folder: string): string[] {
  return Deno.readDirSync(fileURLToPath(new URL(folder, root))).toArray().flatMap((entry) => {
    const path = `${folder}${entry.name}`;
    return entry.isDirectory ? sourceFiles(`${path}/`) : path.endsWith(".ts") ? [path] : [];
  });
}

Deno.test("the examples of what the package exports are written as a user would write them", () => {
  const entries = [
    "mod.ts",
    "src/ops.ts",
    "src/inspect.ts",
    "src/evaluate.ts",
    "src/serve.ts",
    "src/train.ts",
  ];
  const exported = entries.flatMap((entry) =>
    [...read(entry).matchAll(/ from "(\.[^"]+)";/g)].map(([, path]) => join(dirname(entry), path))
  );
  let numExamples = 0;
  for (const path of new Set([...entries, ...exported])) {
    for (const { code } of examplesOf(path)) {
      numExamples++;
      const sources = [...code.matchAll(/ from "([^"]+)"/g)].map(([, source]) => source);
      assertEquals(sources.filter((source) => !source.startsWith("@")), [], path);
    }
  }
  assert(numExamples > 10, `${numExamples}`);
});

Deno.test("no example is left out when the examples run", () => {
  let numExamples = 0;
  for (const path of [...sourceFiles("src/"), "mod.ts"]) {
    const examples = examplesOf(path);
    assertEquals(examples.filter(({ info }) => info !== "ts"), [], path);
    numExamples += examples.length;
  }
  assert(numExamples > 10, `${numExamples}`);
});
