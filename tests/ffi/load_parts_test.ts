import { assertEquals, assertRejects } from "@std/assert";
import { NativeError } from "../../src/base/errors.ts";
import { bindLibrary } from "../../src/ffi/bind_library.ts";
import { type Library, useLibrary } from "../../src/ffi/library.ts";
import { loadParts } from "../../src/ffi/load_parts.ts";
import { built } from "../native_library/library_trial.ts";

let load: Library["gpt2_load_parts"] = () => Promise.resolve(-1);
// This file has a process's worth of modules to itself: here, a library of which one function is another.
useLibrary({ ...bindLibrary([built]), gpt2_load_parts: (...args) => load(...args) });

/** A signal that knows who listens. */
function watchedSignal() {
  const controller = new AbortController();
  const { signal } = controller;
  const listeners = new Set<unknown>();
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listeners.add(args[1]);
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listeners.delete(args[1]);
    removeEventListener.apply(signal, args);
  };
  return { controller, signal, listeners };
}

const PARTS = [{ data: new Uint8Array(64), count: 32, stride: 1, mask: 0x7c00 }];

Deno.test("loadParts() leaves nothing with the signal, whether it ends well or not", async () => {
  const { signal, listeners } = watchedSignal();
  let numListening = 0;
  load = () => {
    numListening = listeners.size;
    return Promise.resolve(-1);
  };
  assertEquals(await loadParts(PARTS, 2, signal), undefined);
  assertEquals([numListening, listeners.size], [1, 0]);
  load = () => Promise.reject(new RangeError("no"));
  await assertRejects(() => loadParts(PARTS, 2, signal), RangeError, "no");
  assertEquals(listeners.size, 0);
  load = () => {
    throw new RangeError("not even begun");
  };
  await assertRejects(() => loadParts(PARTS, 2, signal), RangeError, "not even begun");
  assertEquals(listeners.size, 0);
});

Deno.test("loadParts() lets the threads find no next part when it is aborted", async () => {
  const { controller, signal } = watchedSignal();
  let next: number | undefined;
  load = (_parts, _count, counter) => {
    controller.abort();
    next = new Deno.UnsafePointerView(counter!).getInt32();
    return Promise.resolve(-1);
  };
  assertEquals(
    (await assertRejects(() => loadParts(PARTS, 1, signal), DOMException)).name,
    "AbortError",
  );
  assertEquals(next, PARTS.length);
});

Deno.test("loadParts() says that there was not enough memory", async () => {
  load = () => Promise.resolve(-2);
  await assertRejects(() => loadParts(PARTS, 2), NativeError, "not enough memory");
});
