/** Adapters that do something: what `createAdapter()` makes does not before it is trained. */
import { Random } from "../../src/base/random.ts";
import type { AdapterWeights } from "../../src/model/adapter_weights.ts";
import type { GPT2Config } from "../../src/model/config.ts";
import { createAdapter, type CreateAdapterOptions } from "../../src/model/create_adapter.ts";

/** A new adapter whose `up` is not zero. */
export function randomAdapter(config: GPT2Config, options: CreateAdapterOptions): AdapterWeights {
  const created = createAdapter(config, options);
  const random = new Random(1000 + (options.seed ?? 0));
  const weights = created.weights.map((weight) => ({
    ...weight,
    up: weight.up.map(() => 0.2 * random.normal()),
  }));
  return { ...created, weights };
}
