import {
  assert,
  assertEquals,
  assertMatch,
  assertNotMatch,
  assertStringIncludes,
} from "@std/assert";
import { fileURLToPath } from "node:url";
import denoConfig from "../../deno.json" with { type: "json" };
import type { DoctorReport } from "../../src/cli/doctor/examine.ts";
import { reportText } from "../../src/cli/doctor/report_text.ts";
import { runCli } from "./run_cli.ts";

const MOD = fileURLToPath(new URL("../../mod.ts", import.meta.url));

/** Runs `doctor --json` in a process of its own. */
async function runDoctor(permissions: string[], env: Record<string, string> = {}) {
  const { code, signal, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--quiet", ...permissions, MOD, "doctor", "--json"],
    env: { NO_COLOR: "1", HF_HUB_OFFLINE: "1", ...env },
  }).output();
  assertEquals(signal, null);
  const report: DoctorReport = JSON.parse(new TextDecoder().decode(stdout));
  return { code, report, stderr: new TextDecoder().decode(stderr) };
}

Deno.test("doctor shows what a report of a problem should say", async () => {
  const { code, stdout, stderr } = await runCli(["doctor"]);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  for (
    const part of [
      `@allformers/gpt2  ${denoConfig.version}`,
      Deno.version.deno,
      Deno.build.arch,
      "Native library",
      "GPT2_NATIVE_LIBRARY        not set",
      "prebuilt, from npm",
      "not tried",
      "Devices",
      "Caches",
      "ffi    granted",
      "tokens/s",
      "nothing: all is well",
    ]
  ) assertStringIncludes(stdout, part);
});

Deno.test("doctor --json gives the same as an object", async () => {
  const { code, stdout } = await runCli(["doctor", "--json"]);
  assertEquals(code, 0);
  const report: DoctorReport = JSON.parse(stdout);
  assertEquals(report.isHealthy, true);
  assertEquals(report.fixes, []);
  assertEquals(report.versions.deno, Deno.version.deno);
  assertMatch(report.library!.ggmlVersion, /^\d+\.\d+\.\d+$/);
  assert(report.library!.instructionSets.length > 0);
  assertEquals(report.places.filter(({ verdict }) => verdict === "used").length, 1);
  assertEquals(report.devices.map(({ name }) => name).includes("CPU"), true);
  assert(report.speed!.tokensPerSecond > 0);
  assert(report.permissions.every(({ state }) => state === "granted"));
});

Deno.test("doctor says how much memory a model may take", async () => {
  const { systemMemoryInfo } = Deno;
  Deno.systemMemoryInfo = () => ({ ...systemMemoryInfo(), available: 1_234_000_000 });
  try {
    const { stdout } = await runCli(["doctor", "--json"]);
    const { devices }: DoctorReport = JSON.parse(stdout);
    const cpu = devices.find(({ name }) => name === "CPU")!;
    if (Deno.build.os === "linux") {
      assertEquals(cpu.freeBytes, 1_234_000_000);
      assertMatch((await runCli(["doctor"])).stdout, / {2}CPU .* 1\.2 GB of [\d.]+ .B free\n/);
    } else assertEquals(cpu.freeBytes, undefined);
  } finally {
    Deno.systemMemoryInfo = systemMemoryInfo;
  }
});

Deno.test("doctor works without a library, and exits with 78", async () => {
  const env = { GPT2_NATIVE_LIBRARY: `${MOD}.missing` };
  const { code, report, stderr } = await runDoctor(["-A"], env);
  assertEquals(code, 78);
  assertStringIncludes(stderr, "there is no file mod.ts.missing");
  assertEquals([report.isHealthy, report.library, report.speed], [false, undefined, undefined]);
  assertStringIncludes(report.fixes[0], "unset it");
  const [first, ...others] = report.places;
  assertEquals([first.verdict, first.problem], ["skipped", "there is no file mod.ts.missing"]);
  assert(others.every(({ verdict }) => verdict === "not tried"));
});

Deno.test("doctor works without permissions, names what is missing, and asks for nothing", async () => {
  const { code, report, stderr } = await runDoctor([]);
  assertEquals(code, 78);
  assertStringIncludes(stderr, "--allow-read");
  assert(report.permissions.every(({ state }) => state === "missing"));
  assertEquals(report.machine.processor, undefined);
  assert(report.caches.every(({ path, bytes }) => path === undefined && bytes === undefined));
  assertStringIncludes(report.fixes[0], "--allow-read");
  const skipped = report.places.filter(({ verdict }) => verdict === "skipped");
  assertEquals(skipped.map(({ problem }) => problem), ["Deno was started without --allow-read"]);
});

Deno.test("doctor is healthy with the least that is needed, and without caches", async () => {
  const folder = await Deno.makeTempDir();
  const none = `${folder}/missing`;
  const env = { HOME: none, XDG_CACHE_HOME: none, LOCALAPPDATA: none, HF_HOME: folder };
  try {
    const { code, report } = await runDoctor(["--allow-ffi", "--allow-read", "--allow-env"], env);
    assertEquals(code, 0);
    assertEquals(report.fixes, [
      "Deno was started without --allow-write --allow-net --allow-run. Generating needs --allow-ffi " +
      "--allow-read --allow-env, and a first start, which fetches the model and the library, " +
      "--allow-write --allow-net --allow-run too.",
    ]);
    assertStringIncludes(reportText(report), report.fixes[0]);
    assertNotMatch(reportText(report), /all is well/);
    assertNotMatch(reportText(report), / free\n/, "it may not ask");
    assertEquals(report.caches.map(({ bytes }) => bytes), [0]);
    const missing = report.permissions.filter(({ state }) => state === "missing");
    assertEquals(missing.map(({ name }) => name), ["write", "net", "run", "sys"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("doctor tells what needs a permission from what the system does not tell", async () => {
  const { report } = await runDoctor(["-A"]);
  const { machine, caches, permissions } = report;
  const unknown = {
    ...report,
    machine: { ...machine, processor: undefined, memoryBytes: undefined },
    caches: [{ ...caches[0], path: undefined }],
  };
  const granted = reportText(unknown);
  assertMatch(granted, / {2}processor +unknown: the system does not tell\n/);
  assertMatch(granted, / {2}memory +unknown: the system does not tell\n/);
  assertMatch(granted, /no place: (HOME|USERPROFILE) is not set\n/);
  const missing = reportText({
    ...unknown,
    permissions: permissions.map((permission) => ({ ...permission, state: "missing" as const })),
  });
  assertMatch(missing, / {2}processor +unknown: needs --allow-sys\n/);
  assertMatch(missing, / {2}memory +unknown: needs --allow-sys\n/);
  assertMatch(missing, /no place: needs --allow-env\n/);
});
