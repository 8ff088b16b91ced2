/**
 * What may be asked of a text that is to be written.
 *
 * @module
 */
import { InvalidArgumentError } from "../../base/errors.ts";
import { type OptionRule, type OptionRules, texts } from "../../base/check_options.ts";

/** What a text to be written has to be. At most one of these can be asked for. */
export interface ConstraintOptions {
  /** The text is exactly one of these. */
  choices?: readonly string[];
  /**
   * The whole text matches this regular expression, as if it stood between `^(?:` and `)$`. A text is read with the flag
   * `u`, a `RegExp` with `u` or its `v`; its `i` and `s` count, too. Lookaround, backreferences, `\b` and modifiers are
   * refused.
   */
  regex?: string | RegExp;
  /**
   * The text is a JSON document that this JSON Schema describes, in compact form, as `JSON.stringify()` writes it. What is
   * supported of JSON Schema is listed in docs/generating.md; anything else is refused by name.
   */
  jsonSchema?: Readonly<Record<string, unknown>> | boolean;
}

/** The names of the options. */
export const constraintNames = ["choices", "regex", "jsonSchema"] as const;

const choices: OptionRule = {
  meaning: "an array of well-formed texts, at least one",
  isType: texts.isType,
  copy: texts.copy,
  isInRange: (value) => {
    const texts = value as readonly string[];
    // Half a surrogate pair cannot be written.
    return texts.length > 0 && texts.every((each) => each.isWellFormed());
  },
};

/** What the options must be. */
export const constraintRules: OptionRules<ConstraintOptions> = {
  choices,
  regex: {
    meaning: "a text or a RegExp",
    isType: (value) => typeof value === "string" || value instanceof RegExp,
  },
  jsonSchema: {
    meaning: "a JSON Schema: an object, or true or false",
    isType: (value) =>
      typeof value === "boolean" ||
      (typeof value === "object" && value !== null && !Array.isArray(value)),
    copy: copySchema,
  },
};

/** As JSON, which is what a schema is. */
function copySchema(schema: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(schema, withoutInfinities) ?? "{}");
  } catch (error) {
    throw new InvalidArgumentError(
      "Cannot generate: jsonSchema must be what JSON can express: received an object that contains itself, a bigint, NaN " +
        `or Infinity, or too many objects within another. Refer to "#/$defs/..." with $ref instead.`,
      { cause: error },
    );
  }
}

/** `JSON.stringify()` would write `null` for them. */
function withoutInfinities(_key: string, value: unknown): unknown {
  if (typeof value !== "number" || Number.isFinite(value)) return value;
  throw new TypeError(`${value} is no number of JSON`);
}
