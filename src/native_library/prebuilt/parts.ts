/**
 * The files of a prebuilt ggml by what they are.
 *
 * @module
 */
import type { PrebuiltPackage } from "./packages.ts";

/** The names: `libggml-base.so`, `libggml.v0.5.0.so`, and the variants `libggml-cpu-haswell.so`, ... */
export interface PrebuiltParts {
  readonly base: string;
  readonly ggml: string;
  readonly variants: readonly string[];
}

/** Sorts the files of a package. */
export function partsOf({ files }: Pick<PrebuiltPackage, "files">): PrebuiltParts {
  const names = Object.keys(files);
  const isBase = (name: string) => name.includes("ggml-base");
  const isVariant = (name: string) => name.includes("ggml-cpu");
  return {
    base: names.find(isBase)!,
    ggml: names.find((name) => !isBase(name) && !isVariant(name))!,
    variants: names.filter(isVariant),
  };
}
