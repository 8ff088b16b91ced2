import { assert } from "@std/assert";
import { GPT2, GPT2Config } from "../../mod.ts";
import { openSystemLibrary } from "../../src/ffi/system_library.ts";

/** `GPT2_TURN_NS` in `native/yielding_pause.h`. */
const TURN_NS = 100_000n;

/** Of `struct sched_attr` of Linux: its first size, and where it has the length of a turn. */
const ATTRIBUTE_BYTES = 48;
const RUNTIME_AT = 24;

/** Linux has turns that threads choose since 6.12. */
function hasTurns(): boolean {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") return false;
  const [major, minor] = Deno.osRelease().split(".").map(Number);
  return major > 6 || major === 6 && minor >= 12;
}

/** Of this process. */
function threadIds(): string[] {
  return Array.from(Deno.readDirSync("/proc/self/task"), ({ name }) => name);
}

/** The turns of this process's threads, in nanoseconds. */
function turns(): bigint[] {
  const SYS_sched_getattr = 315n;
  const { syscall } = openSystemLibrary({
    // long syscall(long number, ...)
    syscall: { parameters: ["i64", "i64", "buffer", "i64", "i64"], result: "i64" },
  });
  return threadIds().map((id) => {
    const attributes = new Uint8Array(ATTRIBUTE_BYTES);
    const size = BigInt(ATTRIBUTE_BYTES);
    const result = syscall(SYS_sched_getattr, BigInt(id), attributes, size, 0n);
    return result === 0n ? new DataView(attributes.buffer).getBigUint64(RUNTIME_AT, true) : 0n;
  });
}

/** How much longer than they ask for this process's threads may sleep, in nanoseconds. */
function timerSlacks(): number[] {
  return threadIds().map((id) => Number(Deno.readTextFileSync(`/proc/${id}/timerslack_ns`)));
}

async function computeWithTwoThreads(): Promise<void> {
  using model = new GPT2(GPT2Config.tiny(), { seed: 1, threads: 2 });
  for await (const _ of model.generate([1, 2, 3], { maxNewTokens: 60 }));
}

Deno.test({
  name: "threads that wait for each other ask for short turns",
  ignore: !hasTurns(),
  async fn() {
    await computeWithTwoThreads();
    assert(turns().includes(TURN_NS), String(turns()));
  },
});

Deno.test({
  name: "threads that wait for each other ask for naps that end on time",
  ignore: !(Deno.build.os === "linux" && Deno.build.arch === "x86_64"),
  async fn() {
    await computeWithTwoThreads();
    assert(timerSlacks().includes(1), String(timerSlacks()));
  },
});
