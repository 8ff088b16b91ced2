import { assertEquals } from "@std/assert";
import { pathToFileURL } from "node:url";
import { Sandbox } from "./library_trial.ts";

/** Far longer than any of this should take. */
const MAX_MS = 30_000;

/** Stands in for the probe: says that it is there, by a folder that is named after its process, and takes as long as a test may. */
function endlessProbe(folder: string): string {
  return `
    const { mkdir } = Deno.dlopen("libc.so.6", {
      mkdir: { parameters: ["buffer", "u32"], result: "i32" },
    }).symbols;
    mkdir(new TextEncoder().encode(${JSON.stringify(folder)} + "/" + Deno.pid + "\\0"), 0o700);
    setTimeout(() => {}, ${MAX_MS});
  `;
}

/** Runs a program in a clone whose probe never ends; it has `openLibrary`, `probes`, `startedProbe` and `isAlive`. */
async function runWithEndlessProbe(code: string): Promise<unknown> {
  using sandbox = new Sandbox();
  const clone = sandbox.clone();
  sandbox.write();
  const probes = `${sandbox.folder}/probes`;
  Deno.mkdirSync(probes);
  Deno.writeTextFileSync(`${clone}/src/native_library/proof/probe.ts`, endlessProbe(probes));
  const program = `${sandbox.folder}/program.ts`;
  Deno.writeTextFileSync(
    program,
    `import { openLibrary } from "${
      pathToFileURL(`${clone}/src/native_library/native_library.ts`)
    }";
    const probes = ${JSON.stringify(probes)};
    async function startedProbe() {
      while (true) {
        for (const { name } of Deno.readDirSync(probes)) return Number(name);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
    function isAlive(pid) {
      const [, state] = (() => {
        try {
          return /\\) (\\w)/.exec(Deno.readTextFileSync("/proc/" + pid + "/stat"));
        } catch {
          return [];
        }
      })();
      return state !== undefined && state !== "Z";
    }
    ${code}`,
  );
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--no-config", program],
    env: {
      GPT2_NATIVE_LIBRARY: sandbox.path,
      XDG_CACHE_HOME: sandbox.folder,
      HF_HUB_OFFLINE: "1",
      NO_COLOR: "1",
    },
    signal: AbortSignal.timeout(MAX_MS),
  }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test({
  name:
    "openLibrary() lets other work go on while a library is tried out, and stops that at its signal",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const result = await runWithEndlessProbe(`
      const controller = new AbortController();
      const opening = openLibrary({ signal: controller.signal }).then(() => "opened", ({ name }) => name);
      const pid = await startedProbe();
      const before = isAlive(pid);
      controller.abort();
      const outcome = await opening;
      console.log(JSON.stringify({ before, outcome, after: isAlive(pid) }));
    `);
    assertEquals(result, { before: true, outcome: "AbortError", after: false });
  },
});

Deno.test({
  name:
    "openLibrary() throws the signal's own reason, and what was stopped is not taken for a failure",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const result = await runWithEndlessProbe(`
      const outcomes = [];
      for (const reason of ["first", "second"]) {
        const controller = new AbortController();
        const opening = openLibrary({ signal: controller.signal }).catch((error) => error);
        const pid = await startedProbe();
        controller.abort(reason);
        outcomes.push(await opening);
        Deno.removeSync(probes + "/" + pid);
      }
      console.log(JSON.stringify(outcomes));
    `);
    assertEquals(result, ["first", "second"]);
  },
});

Deno.test({
  name: "openLibrary() goes on for one caller when another has left",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const result = await runWithEndlessProbe(`
      const [first, second] = [new AbortController(), new AbortController()];
      const left = openLibrary({ signal: first.signal }).catch(({ name }) => name);
      const stayed = openLibrary({ signal: second.signal }).catch(({ name }) => name);
      const pid = await startedProbe();
      first.abort();
      const outcomes = [await left, isAlive(pid)];
      second.abort();
      outcomes.push(await stayed, isAlive(pid));
      console.log(JSON.stringify(outcomes));
    `);
    assertEquals(result, ["AbortError", true, "AbortError", false]);
  },
});
