import { assertEquals } from "@std/assert";
import {
  DisposedError,
  InvalidArgumentError,
  NativeError,
  NotEnoughMemoryError,
  OutOfMemoryError,
} from "../../src/base/errors.ts";
import { WorkingMemoryError } from "../../src/tensor/machine_memory.ts";
import { isAboutMemory, toApiError } from "../../src/server/api_error.ts";

const WORDS = "Cannot compute 3 texts: they take 9 GB";

for (
  const [error, status, isMemory] of [
    [new NotEnoughMemoryError(WORDS), 503, true],
    [new NotEnoughMemoryError("Cannot do it in other words"), 503, true],
    [new OutOfMemoryError("Cannot allocate 2 tensors"), 503, true],
    [new WorkingMemoryError(1e9), 503, true],
    [new NativeError("Cannot use the server 192.168.1.11:50052: it is lost"), 500, false],
    [new InvalidArgumentError(WORDS), 400, false],
    [new TypeError(WORDS), 400, false],
    [new DisposedError("compute 3 texts"), 500, false],
  ] as const
) {
  Deno.test(`${error.constructor.name}("${error.message.slice(0, 30)}") becomes status ${status}`, () => {
    assertEquals([toApiError(error).status, isAboutMemory(error)], [status, isMemory]);
  });
}
