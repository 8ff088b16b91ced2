import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { fileURLToPath } from "node:url";
import { NativeError } from "../../src/base/errors.ts";
import { Backend } from "../../src/tensor/backend.ts";
import { Executor } from "../../src/tensor/executor.ts";
import { Graph } from "../../src/tensor/graph.ts";
import { scale } from "../../src/tensor/elementwise.ts";

/** Runs a program of this folder in a process of its own. */
async function runProgram(
  name: string,
  ...args: string[]
): Promise<{ code: number; output: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", fileURLToPath(new URL(name, import.meta.url)), ...args],
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, output: decode(stdout) + decode(stderr) };
}

/** Has a backend compute something with so many threads. */
function use(backend: Backend, threads?: number): void {
  using graph = new Graph(backend);
  graph.output(scale(graph.input([1], "f32", "x"), 2));
  graph.allocate();
  graph.compute(threads);
}

Deno.test("a program ends with backends and computations that nobody has disposed of", async () => {
  assertEquals(await runProgram("undisposed_backends.ts"), { code: 0, output: "end\n" });
});

Deno.test("workers are terminated while they load models and compute with several threads", async () => {
  assertEquals(await runProgram("terminated_workers.ts"), { code: 0, output: "end\n" });
});

for (const where of ["main thread", "worker"]) {
  Deno.test(`a process ends while the ${where} computes`, async () => {
    // Without care for it, three or four in ten of these end with a signal.
    for (let i = 0; i < 6; i++) {
      assertEquals(await runProgram("end_while_computing.ts", where), { code: 3, output: "" });
    }
  });
}

Deno.test({
  name: "a computation for which there is not enough memory is an error",
  ignore: Deno.build.os !== "linux", // Elsewhere there is no such limit.
  fn: async () => {
    const { code, output } = await runProgram("out_of_memory.ts");
    assertStringIncludes(output, "failed to allocate memory");
    assertEquals([code, output.endsWith("\nend\n")], [0, true]);
  },
});

Deno.test("at the end of a program all threads are sent to sleep before the first is waited for", () => {
  const backends = [1, 2, 3].map(() => Backend.cpu({ threads: 2 }));
  for (const backend of backends) use(backend);
  const calls: string[] = [];
  const { pauseThreads, stopThreads } = Executor.prototype;
  Executor.prototype.pauseThreads = () => calls.push("pause");
  Executor.prototype.stopThreads = () => calls.push("stop");
  globalThis.dispatchEvent(new Event("unload"));
  Object.assign(Executor.prototype, { pauseThreads, stopThreads });
  assertEquals(calls, calls.toSorted());
  assertEquals(calls.length >= 6, true);
  for (const backend of backends) backend[Symbol.dispose]();
});

Deno.test("a backend starts threads when it computes, not more than a process may have", () => {
  const backends: Backend[] = [];
  // No thread is started yet.
  for (let i = 0; i < 100; i++) backends.push(Backend.cpu({ threads: 512 }));
  use(backends[0], 400);
  use(backends[1], 400);
  assertThrows(() => use(backends[2], 400), NativeError, "Dispose of those that are not used");
  backends[0][Symbol.dispose]();
  use(backends[2], 100);
  for (const backend of backends) backend[Symbol.dispose]();
});
