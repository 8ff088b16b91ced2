import { assert, assertEquals, assertMatch, assertNotMatch, assertThrows } from "@std/assert";
import { cpuId, identify, processorInfo } from "../../src/ffi/cpu_id.ts";

Deno.test("cpuId() is the same whenever it is asked", async () => {
  const here = cpuId();
  assert(here !== undefined);
  assertEquals(cpuId(), here);
  const module = new URL("../../src/ffi/cpu_id.ts", import.meta.url).href;
  for (let i = 0; i < 3; i++) {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-config", `import { cpuId } from "${module}"; console.log(cpuId());`],
      env: { NO_COLOR: "1" },
    }).output();
    assertEquals(new TextDecoder().decode(stdout).trim(), String(here));
  }
});

Deno.test("identify() tells CPUs apart by each word, and by the order of words", () => {
  const ids = [[1, 2], [2, 1], [1, 3], [1], [1, 2, 0]].map((words) => identify(() => words));
  assertEquals(new Set(ids).size, ids.length);
  assertEquals(identify(() => [1, 2]), ids[0]);
});

Deno.test("identify() knows nothing where a system says nothing, or fails", () => {
  assertEquals(identify(undefined), undefined);
  assertEquals(identify(() => []), undefined);
  const failing = (error: Error) => () => {
    throw error;
  };
  assertEquals(identify(failing(new Error("no such function"))), undefined);
  assertThrows(
    () => identify(failing(new Deno.errors.NotCapable("--allow-ffi"))),
    Deno.errors.NotCapable,
  );
});

Deno.test({
  name: "processorInfo() tells a CPU where glibc does not, and the same each time",
  ignore: Deno.build.os !== "linux" || Deno.build.arch !== "x86_64",
  fn() {
    const text = new TextDecoder().decode(Uint8Array.from(processorInfo()));
    assertMatch(text, /^vendor_id\t.*cpu family\t.*model\t.*stepping\t.*flags\t.* sse2 /);
    assertNotMatch(text, /cpu MHz|core id|initial apicid/);
    assertEquals(identify(processorInfo), identify(processorInfo));
  },
});
