/**
 * The release workflow cannot be run here. What it names must exist at least, and what it may do must be little.
 *
 * @module
 */
import { assert, assertEquals, assertGreater, assertMatch } from "@std/assert";
import { parse } from "@std/yaml/parse";
import { releasedLevels } from "../../scripts/make_library_table.ts";
import { levelNames } from "../../src/native_library/cpu_levels.ts";
import { backends } from "../../scripts/native_tools.ts";
import { libraryFileName } from "../../src/native_library/build_stamp.ts";

interface Step {
  name?: string;
  uses?: string;
  run?: string;
  shell?: string;
  with?: Record<string, unknown>;
}

interface Job {
  needs?: string;
  if?: string;
  "runs-on": string;
  permissions?: Record<string, string>;
  strategy?: { matrix: { include: Record<string, string>[] } };
  steps: Step[];
}

interface Workflow {
  on: { push: { tags: string[] } };
  permissions: Record<string, string>;
  jobs: Record<string, Job>;
}

const root = new URL("../../", import.meta.url);
const read = (path: string) => Deno.readTextFileSync(new URL(path, root));
const workflow = parse(read(".github/workflows/release.yml")) as Workflow;
const jobs = Object.entries(workflow.jobs);
const steps = jobs.flatMap(([, job]) => job.steps);
/** The rows of the matrix, of each of which a job is made. */
const rows = workflow.jobs.build.strategy!.matrix.include;

Deno.test("the release workflow calls tasks that exist", () => {
  const { tasks } = JSON.parse(read("deno.json"));
  const called = steps.flatMap(({ run = "" }) =>
    Array.from(run.matchAll(/deno task ([\w-]+)/g), ([, name]) => name)
  );
  assertGreater(called.length, 0);
  for (const name of called) assert(name in tasks, name);
});

Deno.test("the release workflow pins every action to a commit", () => {
  const uses = steps.flatMap(({ uses }) => uses ?? []);
  assertGreater(uses.length, 0);
  for (const action of uses) assertMatch(action, /^[\w-]+\/[\w-]+@[0-9a-f]{40}$/);
});

Deno.test("the release workflow runs the Deno that the README names, in every job", () => {
  const [, version] = read("README.md").match(/deno@(\d+\.\d+\.\d+)/)!;
  for (const [name, { steps }] of jobs) {
    const setups = steps.filter(({ uses }) => uses?.startsWith("denoland/setup-deno@"));
    assertEquals(setups.map((step) => step.with!["deno-version"]), [version], name);
  }
});

Deno.test("the release workflow builds for each system the library that is looked for there", () => {
  assertEquals(rows.map(({ platform }) => platform).sort(), Object.keys(releasedLevels).sort());
  for (const { os, platform, backend, library } of rows) {
    const [system] = platform.split("-");
    assertEquals(library, libraryFileName(system as typeof Deno.build.os), platform);
    assert((backends as readonly string[]).includes(backend), backend);
    const runner = { linux: "ubuntu", darwin: "macos", windows: "windows" }[system];
    assert(os.startsWith(`${runner}-`), os);
    assertEquals(/-arm$/.test(os), platform === "linux-aarch64", os);
  }
});

Deno.test("what is published for a system are levels of its processors, best first", () => {
  for (const [system, levels] of Object.entries(releasedLevels)) {
    const all = levelNames(system.split("-")[1] as typeof Deno.build.arch);
    assertEquals(levels, all.filter((level) => levels.includes(level)), system);
  }
});

Deno.test("the release workflow's expressions name what there is", () => {
  const columns = new Set(rows.flatMap(Object.keys));
  for (const [name, job] of jobs) {
    if (job.needs !== undefined) assert(job.needs in workflow.jobs, job.needs);
    for (const [, column] of JSON.stringify(job).matchAll(/\$\{\{ *matrix\.(\w+)/g)) {
      assertEquals(name, "build");
      assert(columns.has(column), column);
    }
  }
});

Deno.test({
  name: "the release workflow's scripts can be parsed by the shell",
  ignore: Deno.build.os === "windows",
  async fn() {
    for (const { run } of steps.filter(({ run }) => run !== undefined)) {
      const script = run!.replaceAll(/\$\{\{.*?\}\}/g, "x");
      const { code, stderr } = await new Deno.Command("bash", { args: ["-n", "-c", script] })
        .output();
      assertEquals(code, 0, new TextDecoder().decode(stderr));
    }
  },
});

Deno.test("the release workflow publishes tags only, with provenance, and lets nothing else write", () => {
  assertEquals(workflow.permissions, { contents: "read" });
  for (const [name, { permissions }] of jobs) {
    assertEquals(permissions !== undefined, name === "publish");
  }
  const { publish } = workflow.jobs;
  assertEquals(publish.permissions, { contents: "write", "id-token": "write" });
  assertEquals(publish.needs, "build");
  assertEquals(publish.if, "github.event_name == 'push' && github.ref_type == 'tag'");
});

Deno.test("the release workflow publishes after everything that can fail, what was tested", () => {
  const index = (text: string) => {
    const found = workflow.jobs.publish.steps.findIndex(({ run }) => run?.includes(text));
    assert(found >= 0, text);
    return found;
  };
  const publishing = index("deno publish");
  for (const before of ["--version", "make_library_table.ts", "gh release create"]) {
    assertGreater(publishing, index(before));
  }
  const build = workflow.jobs.build.steps.map(({ run, uses }) => run ?? uses ?? "");
  const testing = build.findIndex((text) => text.includes("deno task ok"));
  const uploading = build.findIndex((text) => text.startsWith("actions/upload-artifact@"));
  assert(testing >= 0 && uploading > testing);
});
