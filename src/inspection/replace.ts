/**
 * Values of one run in another.
 *
 * @module
 */
import { checkOptions, integer } from "../base/check_options.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import { showCall } from "../base/show_fields.ts";
import type { CapturedActivation } from "../engine/activation_record.ts";
import type { ActivationPlace, Intervention, InterventionContext } from "../engine/intervention.ts";
import { capturedRows } from "./captured.ts";
import { type PlaceOptions, placeRules, Places } from "./places.ts";

/** Options of {@linkcode replace} and {@linkcode freeze}. */
export interface ReplaceOptions extends PlaceOptions {
  /**
   * Which text of the captured ones the values are from. Default: the only one, or the one with the number of the text, if
   * the call has as many as were captured or `texts` says which are meant.
   */
  readonly fromText?: number;
}

/**
 * Writes what the same activation was in another run, at the same positions: the step that activation patching is made of.
 *
 * ```ts
 * import { GPT2 } from "@allformers/gpt2";
 * import { replace } from "@allformers/gpt2/inspect";
 *
 * using model = await GPT2.fromPretrained("demo");
 * const [one, other] = ["KING HENRY", "QUEEN MARGARET"].map((text) => model.tokenizer!.encode(text).slice(0, 2));
 * const name = "blocks.1.residual";
 * const { logits, activations } = await model.forward(one, { capture: [name] });
 * const patched = await model.forward(other, { intervene: { [name]: replace(activations!.get(name)!) } });
 * console.log(patched.logits.every((logit, i) => logit === logits[i])); // all of a layer makes the other run
 * ```
 *
 * @param activation what `forward()` has captured, at all positions
 * @param options which heads, positions and texts; without any, the whole activation
 * @throws {TypeError} if an argument has the wrong type; where it is used, if it is another activation
 * @throws {RangeError} if an option is out of range; where it is used, if there is no value for a position
 */
export function replace(
  activation: CapturedActivation,
  options: ReplaceOptions = {},
): Intervention {
  const action = "replace";
  return replacing(action, activation, options, (name, { text, position }) => {
    throw new InvalidArgumentError(
      `Cannot ${action} ${name}: the captured activation must have all positions that are replaced: ` +
        `received none for position ${position} of text ${text}. Name others in positions, or use freeze().`,
    );
  });
}

/**
 * Keeps an activation as it was in another run: for attention patterns, so that what is changed elsewhere does not change
 * where heads look. Where the other run had no such position, it stays what it is; so a text may go on.
 *
 * ```ts
 * import { GPT2 } from "@allformers/gpt2";
 * import { ablate, freeze } from "@allformers/gpt2/inspect";
 *
 * using model = await GPT2.fromPretrained("demo");
 * const tokens = model.tokenizer!.encode("First Citizen:\nBefore we proceed");
 * const capture = ["blocks.*.attention.weights"];
 * const { activations } = await model.forward(tokens, { capture });
 * const frozen = [...activations!].map(([name, weights]) => [name, freeze(weights)]);
 * const intervene = { ...Object.fromEntries(frozen), "blocks.0.mlp.output": ablate() };
 * const { logits } = await model.forward(tokens, { intervene });
 * console.log(logits.length);
 * ```
 *
 * @param activation what `forward()` has captured, at all positions
 * @param options which heads, positions and texts; without any, the whole activation
 * @throws {TypeError} if an argument has the wrong type; where it is used, if it is another activation
 * @throws {RangeError} if an option is out of range
 */
export function freeze(activation: CapturedActivation, options: ReplaceOptions = {}): Intervention {
  return replacing("freeze", activation, options, () => {});
}

function replacing(
  action: string,
  activation: CapturedActivation,
  options: ReplaceOptions,
  onMissing: (name: string, place: ActivationPlace) => void,
): Intervention {
  const rules = { ...placeRules, fromText: integer(0) };
  const { fromText, ...restriction } = checkOptions<ReplaceOptions>(action, options, rules);
  const places = new Places(action, restriction);
  const { batch, heads, width, row: rowOf } = capturedRows(action, activation);
  if (fromText !== undefined && fromText >= batch) {
    throw new InvalidArgumentError(
      `Cannot ${action}: fromText must be one of the ${batch} captured texts: received ${fromText}.`,
    );
  }
  const isPairs = activation.axes.endsWith("seq_k");
  const intervention: Intervention = {
    change(x, context) {
      places.check(context);
      const fits = activation.axes === context.axes && (isPairs || width === x.shape.at(-1)) &&
        (x.shape.length === 3 || heads === x.shape[1]);
      if (!fits) {
        throw new TypeError(
          `Cannot ${action} ${context.name}: values of the same activation are needed, ` +
            `${context.axes} (${x.shape.join(", ")}): received ${activation.axes} ` +
            `(${activation.shape.join(", ")}).`,
        );
      }
      if (fromText === undefined && batch > 1 && restriction.texts === undefined) {
        checkNumTexts(action, context, batch);
      }
      return context.writeRows(x, (place, row) => {
        if (!places.includes(place)) return false;
        const text = fromText ?? (batch === 1 ? 0 : place.text);
        const found = rowOf(text, place.head, place.position);
        if (found === undefined) onMissing(context.name, place);
        // Later positions, which nobody looks at, may be as many as they like.
        else row.set(isPairs ? found.subarray(0, place.position + 1) : found);
        return found !== undefined;
      });
    },
  };
  return showCall(intervention, action, { activation, ...restriction, fromText });
}

/** Of two texts in a call of one, nobody can know which is meant. */
function checkNumTexts(
  action: string,
  { name, numTexts }: InterventionContext,
  batch: number,
): void {
  if (batch === numTexts) return;
  throw new InvalidArgumentError(
    `Cannot ${action} ${name}: ${batch} texts were captured, and the call has ${numTexts}. Say in fromText which of the ` +
      "captured ones the values are from, or in texts in which of the call they go.",
  );
}
