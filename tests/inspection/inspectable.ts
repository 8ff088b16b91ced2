/** Models of tests as functions of src/inspection take them. */
import { Engine } from "../../src/engine/engine.ts";
import { registerEngine } from "../../src/engine/engines.ts";
import { forward } from "../../src/engine/forward.ts";
import type { InspectableModel } from "../../src/inspection/inspectable_model.ts";
import type { Model } from "../../src/model/model.ts";

/** What a `GPT2` with this model is to these functions. It owns the model. */
export function inspectable(model: Model): InspectableModel & Disposable {
  const engine = new Engine(model);
  const user: InspectableModel & Disposable = {
    config: model.config,
    tokenizer: undefined,
    forward: (tokens, options) => forward(engine, tokens, options),
    [Symbol.dispose]() {
      engine[Symbol.dispose]();
      model[Symbol.dispose]();
    },
  };
  registerEngine(user, engine);
  return user;
}
