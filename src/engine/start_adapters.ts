/**
 * Adapters, where there are to be some.
 *
 * @module
 */
import { list, type OptionRules } from "../base/check_options.ts";
import type { Adapter, AdapterOptions, ScaledAdapter } from "../model/adapter.ts";
import type { AppliedAdapters } from "../model/applied_adapters.ts";
import type { Model } from "../model/model.ts";

/** What these options must be; the rest is checked by {@linkcode startAdapters}. */
export const adapterRules: OptionRules<AdapterOptions> = {
  adapters: {
    ...list,
    copy: (value) =>
      Array.from(
        value as readonly (Adapter | ScaledAdapter)[],
        (each) => isScaled(each) ? { ...each } : each,
      ),
  },
};

/**
 * Checks which adapters a caller wants. Who wants none does not wait for what does it.
 *
 * @param action what cannot be done otherwise: `generate`
 * @returns nothing if the caller does not say, null if none are wanted
 * @throws {TypeError} if something is no adapter of this model, or has been disposed of
 * @throws {RangeError} if a scale is no finite number
 */
export async function startAdapters(
  action: string,
  model: Model,
  { adapters }: AdapterOptions,
): Promise<AppliedAdapters | null | undefined> {
  if (adapters === undefined) return undefined;
  const { applyAdapters } = await import("../model/applied_adapters.ts");
  return applyAdapters(action, model, adapters);
}

function isScaled(given: Adapter | ScaledAdapter): given is ScaledAdapter {
  return typeof given === "object" && given !== null && "adapter" in given;
}
