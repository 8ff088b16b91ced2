/**
 * Which exit code stands for which error.
 *
 * @module
 */
import {
  FileFormatError,
  HubError,
  InvalidArgumentError,
  NativeError,
  NativeLibraryError,
  NumericalError,
  OutOfMemoryError,
  StorageError,
} from "../base/errors.ts";
import { OutputClosedError } from "./terminal/io.ts";
import { UsageError } from "./arguments/usage_error.ts";

/** The exit codes and what they mean: those of BSD's sysexits.h, where it has one. */
export const exitCodes = {
  ok: 0,
  other: 1,
  usage: 2,
  badFile: 65,
  notFound: 66,
  hub: 69,
  internal: 70,
  storage: 74,
  busy: 75,
  notAllowed: 77,
  environment: 78,
  interrupted: 130,
} as const;

/** The exit code for what a command threw. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof OutputClosedError) return exitCodes.ok;
  if (error instanceof UsageError || error instanceof InvalidArgumentError) return exitCodes.usage;
  if (error instanceof OutOfMemoryError) return exitCodes.usage;
  if (error instanceof Deno.errors.AlreadyExists) return exitCodes.usage;
  if (error instanceof FileFormatError) return exitCodes.badFile;
  if (error instanceof HubError) {
    return error.status === 401 || error.status === 403 ? exitCodes.notAllowed : exitCodes.hub;
  }
  if (error instanceof StorageError) return exitCodes.storage;
  if (error instanceof NativeLibraryError) return exitCodes.environment;
  if (error instanceof NativeError || error instanceof NumericalError) return exitCodes.internal;
  if (error instanceof DOMException && error.name === "AbortError") return exitCodes.interrupted;
  if (error instanceof Deno.errors.NotCapable) return exitCodes.environment;
  if (
    error instanceof Deno.errors.NotFound || error instanceof Deno.errors.IsADirectory ||
    error instanceof Deno.errors.NotADirectory
  ) return exitCodes.notFound;
  if (error instanceof Deno.errors.PermissionDenied) return exitCodes.storage;
  if (error instanceof Deno.errors.Busy) return exitCodes.busy;
  if (isDefect(error)) return exitCodes.internal;
  return exitCodes.other;
}

/** Whether nobody foresaw an error: it is a defect of this program, not of what it was given. */
export function isDefect(error: unknown): boolean {
  return error instanceof TypeError || error instanceof ReferenceError ||
    error instanceof SyntaxError ||
    error instanceof RangeError && !(error instanceof InvalidArgumentError);
}
