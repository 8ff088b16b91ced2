import { assertEquals } from "@std/assert";
import { folderImports, importCircles, type Importer } from "../../scripts/import_circles.ts";

/** `"a: b c"` is a that imports b and c. */
function importers(...lines: string[]): Importer[] {
  return lines.map((line) => {
    const [path, imports] = line.split(":");
    return { path, imports: imports.trim().split(" ").filter((name) => name !== "") };
  });
}

const cases: readonly [lines: string[], circles: string[][]][] = [
  [["a: b c", "b: c", "c:"], []],
  [["a: a"], [["a"]]],
  [["b: a", "a: b"], [["a", "b"]]],
  [["a: b", "b: c", "c: a"], [["a", "b", "c"]]],
  // One that leads into a circle is not in it.
  [["x: b", "a: b", "b: a"], [["a", "b"]]],
  // Two circles with a member in common; each is told once.
  [["a: b c", "b: a", "c: a"], [["a", "b"], ["a", "c"]]],
  // The shortest, not the way around.
  [["a: b", "b: c a", "c: a"], [["a", "b"], ["a", "b", "c"]]],
  // What is not among them imports nothing.
  [["a: elsewhere"], []],
];

for (const [lines, circles] of cases) {
  Deno.test(`importCircles() finds ${circles.length} in ${lines.join(", ")}`, () => {
    assertEquals(importCircles(importers(...lines)), circles);
  });
}

Deno.test("folderImports() tells folders apart, but not one from another within it", () => {
  const files = importers(
    "src/a/one.ts: src/b/two.ts src/a/deep/three.ts",
    "src/a/deep/three.ts: src/a/one.ts src/b/two.ts",
    "src/b/two.ts:",
    "src/gpt2.ts: src/a/one.ts",
  );
  assertEquals(folderImports(files), [
    { path: "src/a/", imports: ["src/b/"] },
    { path: "src/a/deep/", imports: ["src/b/"] },
    { path: "src/b/", imports: [] },
    { path: "src/", imports: [] },
  ]);
});

Deno.test("folderImports() shows a circle of folders whose files have none", () => {
  const files = importers("src/a/x.ts: src/b/x.ts", "src/b/y.ts: src/a/y.ts");
  assertEquals(importCircles(files), []);
  assertEquals(importCircles(folderImports(files)), [["src/a/", "src/b/"]]);
});
