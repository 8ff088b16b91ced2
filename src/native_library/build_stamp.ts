/**
 * The note that the build leaves beside a library: what it was made from, and that it was seen to work.
 *
 * @module
 */
import { readTextIfAny } from "../base/files.ts";

/** What is known about a built library. */
export interface BuildStamp {
  /** Of the library's bytes. */
  sha256: string;
  /** What its `gpt2_abi_version()` returns. */
  abiVersion: number;
  /** ggml's version. */
  ggmlVersion: string;
  /** What computes beside the CPU: `cpu` (nothing), `cuda`, `metal` or `vulkan`. */
  backend: string;
  /** The level of instructions that it was built for; nothing if for all that the machine had. */
  level?: string;
  /** The `cpuId()` of the CPU on which it was seen to work; nothing where the system does not tell. */
  cpuId?: number;
  /** The kinds of memory for which it has kernels of their own on that CPU. */
  bufferTypes: string[];
  /** Everything that decides what the build makes, by name; the build compares it with what it finds now. */
  inputs: Record<string, string>;
}

/** The path of the stamp that belongs to the library at `libraryPath`. */
export function stampPathOf(libraryPath: string): string {
  return `${libraryPath}.json`;
}

/** The stamp of the library at `libraryPath`; undefined if there is none, or none that can be read as one. */
export function readStamp(libraryPath: string): BuildStamp | undefined {
  let stamp: Partial<BuildStamp> | null;
  try {
    stamp = JSON.parse(readTextIfAny(stampPathOf(libraryPath)) ?? "null");
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  const complete = typeof stamp?.sha256 === "string" && typeof stamp.abiVersion === "number" &&
    typeof stamp.backend === "string" && typeof stamp.inputs === "object";
  return complete ? stamp as BuildStamp : undefined;
}

/** The file name of the library on a system, by default this one. */
export function libraryFileName(os: typeof Deno.build.os = Deno.build.os): string {
  switch (os) {
    case "windows":
      return "gpt2.dll";
    case "darwin":
      return "libgpt2.dylib";
    default:
      return "libgpt2.so";
  }
}
