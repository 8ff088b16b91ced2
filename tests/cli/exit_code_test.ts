import { assertEquals } from "@std/assert";
import {
  FileFormatError,
  HubError,
  InvalidArgumentError,
  NativeError,
  NativeLibraryError,
  NumericalError,
  OutOfMemoryError,
  StorageError,
} from "../../src/base/errors.ts";
import { exitCodeOf } from "../../src/cli/exit_code.ts";
import { OutputClosedError } from "../../src/cli/terminal/io.ts";
import { UsageError } from "../../src/cli/arguments/usage_error.ts";

const CODES: readonly (readonly [error: unknown, code: number])[] = [
  [new OutputClosedError("stdout is closed"), 0],
  [new Error("unknown"), 1],
  ["thrown text", 1],
  [new UsageError("wrong"), 2],
  [new InvalidArgumentError("Cannot generate: topP is above 1: received 2"), 2],
  [new RangeError("Cannot create an array of that length"), 70],
  [new Deno.errors.AlreadyExists("Cannot write"), 2],
  [new FileFormatError("damaged"), 65],
  [new Deno.errors.NotFound("missing"), 66],
  [new Deno.errors.IsADirectory("folder"), 66],
  [new Deno.errors.NotADirectory("file"), 66],
  [new NativeError("refused"), 70],
  [new OutOfMemoryError("Cannot train: a batch takes 98.7 GB"), 2],
  [new NumericalError("NaN"), 70],
  [new TypeError("Cannot read properties of undefined (reading 'x')"), 70],
  [new RangeError("Invalid array length"), 70],
  [new ReferenceError("x is not defined"), 70],
  [new SyntaxError("Unexpected token"), 70],
  [new HubError("no answer"), 69],
  [new HubError("busy", { status: 503 }), 69],
  [new HubError("who are you", { status: 401 }), 77],
  [new HubError("not for you", { status: 403 }), 77],
  [new StorageError("disk full"), 74],
  [new Deno.errors.PermissionDenied("not yours"), 74],
  [new Deno.errors.Busy("in use"), 75],
  [new NativeLibraryError("missing"), 78],
  [new Deno.errors.NotCapable("Requires read access, run again with the --allow-read flag"), 78],
  [new DOMException("stopped", "AbortError"), 130],
  [new DOMException("other", "DataError"), 1],
];

for (const [error, code] of CODES) {
  const name = error instanceof Error ? `${error.name}: ${error.message}` : JSON.stringify(error);
  Deno.test(`exitCodeOf() gives ${code} for ${name}`, () => assertEquals(exitCodeOf(error), code));
}
