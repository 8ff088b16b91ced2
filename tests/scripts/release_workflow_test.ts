import { assert, assertEquals, assertGreater, assertMatch } from "@std/assert";

const root = new URL("../../", import.meta.url);
const read = (path: string) => Deno.readTextFileSync(new URL(path, root));
const workflow = read(".github/workflows/release.yml");
const { tasks } = JSON.parse(read("deno.json"));

Deno.test("the release workflow calls tasks that exist", () => {
  const called = Array.from(workflow.matchAll(/deno task ([\w-]+)/g), ([, name]) => name);
  assertEquals(new Set(called), new Set(["build", "ok"]));
  for (const name of called) assert(name in tasks, name);
});

Deno.test("the release workflow pins every action to a commit", () => {
  const uses = Array.from(workflow.matchAll(/uses: (.*)/g), ([, action]) => action);
  assertGreater(uses.length, 0);
  for (const action of uses) assertMatch(action, /^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
});

Deno.test("the release workflow runs the Deno that the README names", () => {
  const [, version] = read("README.md").match(/deno@(\d+\.\d+\.\d+)/)!;
  const used = Array.from(workflow.matchAll(/deno-version: (\S+)/g), ([, version]) => version);
  assertEquals(used, [version, version]);
});

Deno.test("the release workflow may publish with provenance, and lets nothing else write", () => {
  assertMatch(workflow, /^permissions:\n {2}contents: read\n/m);
  const [build, publish] = workflow.split(/^ {2}publish:$/m);
  assert(!build.includes(": write"));
  assertMatch(publish, /^ {6}id-token: write/m);
  // Last of what cannot be undone.
  assertMatch(publish, /run: deno publish\n/);
  assertGreater(publish.indexOf("run: deno publish\n"), publish.indexOf("sha256sum --check"));
});
