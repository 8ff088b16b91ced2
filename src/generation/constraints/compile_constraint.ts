/**
 * From options to a constraint.
 *
 * @module
 */
import { orAborted } from "../../base/abort.ts";
import { InvalidArgumentError } from "../../base/errors.ts";
import { doInTurns } from "../../base/event_loop.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { Constraint } from "./constraint.ts";
import { constraintNames, type ConstraintOptions } from "./constraint_options.ts";
import type { Expression } from "./grammar/expression.ts";

/** So many constraints are kept for each tokenizer. */
const MAX_KEPT = 16;

/** So deeply groups of a regular expression and schemas can be nested always; how much deeper, depends on the engine's stack. */
const MAX_NESTING = 500;

/** By tokenizer: the constraints made or being made for it, by what asked for them, those used last at the end. */
const constraintsOf = new WeakMap<Tokenizer, Map<string, Promise<Constraint>>>();

/**
 * The constraint that options ask for; none if they ask for none. It is made once for the same constraint, vocabulary and ends.
 *
 * @param options checked by their rules already; others than those of constraints may be among them
 * @param endOfTextIds the tokens that end a text: they are allowed where it is complete, and nowhere else
 * @param signal ends the waiting; others may wait for the same constraint, which is made nevertheless
 * @throws {TypeError} if there is a constraint and no tokenizer, or more than one constraint
 * @throws {SyntaxError} if a regular expression does not parse
 * @throws {RangeError} if something is not supported, too large, or cannot be fulfilled
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function compileConstraint(
  options: ConstraintOptions,
  tokenizer: Tokenizer | undefined,
  endOfTextIds: readonly number[],
  signal?: AbortSignal,
): Promise<Constraint | undefined> {
  const names = constraintNames.filter((name) => options[name] !== undefined);
  if (names.length === 0) return undefined;
  if (names.length > 1) {
    throw new TypeError(
      `Cannot generate: there can be only one constraint: received ${names.join(" and ")}. ` +
        "Leave out all but one.",
    );
  }
  const [name] = names;
  if (tokenizer === undefined) {
    throw new TypeError(
      `Cannot generate: ${name} needs a tokenizer: the model has none. Use a model with a tokenizer.`,
    );
  }
  const key = JSON.stringify([name, keyOf(options), [...endOfTextIds]]);
  const kept = constraintsOf.get(tokenizer) ?? new Map<string, Promise<Constraint>>();
  constraintsOf.set(tokenizer, kept);
  let making = kept.get(key);
  if (making === undefined) {
    const made = making = makeConstraint(name, options, tokenizer, endOfTextIds);
    // What could not be made is tried again.
    made.catch(() => {
      if (kept.get(key) === made) kept.delete(key);
    });
  }
  kept.delete(key);
  if (kept.size === MAX_KEPT) kept.delete(kept.keys().next().value!);
  kept.set(key, making);
  return await orAborted(making, signal);
}

/** In turns with others: a large one takes some tenths of a second. */
async function makeConstraint(
  name: string,
  options: ConstraintOptions,
  tokenizer: Tokenizer,
  endOfTextIds: readonly number[],
): Promise<Constraint> {
  const { Constraint } = await import("./constraint.ts");
  try {
    const expression = await expressionOf(options);
    let made: Constraint | undefined;
    const steps = function* () {
      made = yield* Constraint.make(name, expression, tokenizer, endOfTextIds);
    };
    await doInTurns(steps());
    return made!;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const cause = error;
    if (error instanceof InvalidArgumentError) {
      // What is built does not know by which option it was asked for.
      const message = error.message.replace(
        /^Cannot generate: the constraint /,
        () => `Cannot generate: ${name} `,
      );
      throw message === error.message ? error : new InvalidArgumentError(message, { cause });
    }
    // The engine's own: functions called each other too deeply.
    throw new InvalidArgumentError(
      `Cannot generate: ${name} cannot be used: it is nested too deeply. Nest it at most ${MAX_NESTING} deep.`,
      { cause },
    );
  }
}

function keyOf({ choices, regex, jsonSchema }: ConstraintOptions): unknown {
  if (regex instanceof RegExp) return [regex.source, regex.flags];
  return choices ?? regex ?? jsonSchema;
}

/** Here and above: who asks for no constraint, or for one of another kind, does not wait for what this one needs. */
async function expressionOf(
  { choices, regex, jsonSchema }: ConstraintOptions,
): Promise<Expression> {
  if (choices !== undefined) {
    const { choice, text } = await import("./grammar/expression.ts");
    return choice(choices.map((each) => text(each)));
  }
  if (regex !== undefined) {
    const { regexExpression } = await import("./regex/regex_expression.ts");
    return await regexExpression("regex", regex);
  }
  const { schemaExpression } = await import("./json_schema/schema_expression.ts");
  return await schemaExpression(jsonSchema);
}
