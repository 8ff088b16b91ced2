import { assertEquals } from "@std/assert";
import {
  DisposedError,
  InvalidArgumentError,
  NotEnoughMemoryError,
} from "../../src/base/errors.ts";
import { isAboutMemory, toApiError } from "../../src/server/api_error.ts";

const WORDS = "Cannot compute 3 texts: they take 9 GB";

for (
  const [error, status, isMemory] of [
    [new NotEnoughMemoryError(WORDS), 503, true],
    [new NotEnoughMemoryError("Cannot do it in other words"), 503, true],
    [new InvalidArgumentError(WORDS), 400, false],
    [new TypeError(WORDS), 400, false],
    [new DisposedError("compute 3 texts"), 500, false],
  ] as const
) {
  Deno.test(`${error.constructor.name}("${error.message.slice(0, 30)}") becomes status ${status}`, () => {
    assertEquals([toApiError(error).status, isAboutMemory(error)], [status, isMemory]);
  });
}
