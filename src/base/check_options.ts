/**
 * Options as callers give them, who may not have had a type checker: a misspelt one is an error, not silence.
 *
 * @module
 */
import { InvalidArgumentError } from "./errors.ts";
import { closestName } from "./closest_name.ts";
import { describe, quote } from "./describe.ts";

/** What the value of an option has to be. */
export interface OptionRule {
  /** In words, after "must be". */
  readonly meaning: string;
  /** Whether a value has the right type. */
  isType(value: unknown): boolean;
  /** Whether a value of that type is in range. Default: all are. */
  isInRange?(value: unknown): boolean;
}

/** A rule for each option there is. */
export type OptionRules<T> = { readonly [Name in keyof Required<T>]: OptionRule };

/** Whatever is given is checked elsewhere. */
export const anything: OptionRule = { meaning: "anything", isType: () => true };

/** True or false. */
export const flag: OptionRule = {
  meaning: "true or false",
  isType: (value) => typeof value === "boolean",
};

/** Text. */
export const text: OptionRule = {
  meaning: "a text",
  isType: (value) => typeof value === "string",
};

/** A function to be called. */
export const callback: OptionRule = {
  meaning: "a function",
  isType: (value) => typeof value === "function",
};

/** A signal that may stop the work. */
export const abortSignal: OptionRule = {
  meaning: "an AbortSignal",
  isType: (value) => value instanceof AbortSignal,
};

/** Several texts. */
export const texts: OptionRule = {
  meaning: "an array of texts",
  isType: (value) => Array.isArray(value) && value.every((each) => typeof each === "string"),
};

/** A whole number in a range. */
export function integer(min: number, max: number = Infinity): OptionRule {
  return {
    meaning: max === Infinity
      ? `an integer of at least ${min}`
      : `an integer from ${min} to ${max}`,
    isType: (value) => typeof value === "number",
    isInRange: (value) =>
      Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max,
  };
}

/** One of a few words. */
export function oneOf<Word extends string>(...words: readonly Word[]): OptionRule {
  return {
    meaning: `one of ${words.join(", ")}`,
    isType: (value) => typeof value === "string",
    isInRange: (value) => words.includes(value as Word),
  };
}

/**
 * Checks options. One that is undefined counts as not given.
 *
 * @param action what cannot be done otherwise: `generate`
 * @throws {TypeError} if there is no such option, or one has the wrong type
 * @throws {RangeError} if one is out of range
 */
export function checkOptions<T extends object>(
  action: string,
  options: T,
  rules: OptionRules<T>,
): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new TypeError(
      `Cannot ${action}: the options must be an object: received ${describe(options)}.`,
    );
  }
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(rules, name)) throw unknownOption(action, name, Object.keys(rules));
    const rule = rules[name as keyof T];
    if (rule.isType(value) && (rule.isInRange?.(value) ?? true)) continue;
    const ErrorClass = rule.isType(value) ? InvalidArgumentError : TypeError;
    throw new ErrorClass(
      `Cannot ${action}: ${name} must be ${rule.meaning}: received ${describe(value)}.`,
    );
  }
}

function unknownOption(action: string, name: string, known: readonly string[]): TypeError {
  const closest = closestName(name, known);
  return new TypeError(
    `Cannot ${action}: there is no such option: received ${quote(name)}. ` +
      (closest === undefined
        ? `The options are ${known.toSorted().join(", ")}.`
        : `Did you mean ${closest}?`),
  );
}
