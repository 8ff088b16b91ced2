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
  /** What to do about another value. Default: to correct it. */
  readonly advice?: string;
  /** Whether a value has the right type. */
  isType(value: unknown): boolean;
  /** Whether a value of that type is in range. Default: all are. */
  isInRange?(value: unknown): boolean;
  /** Copies a value that its owner may change afterwards, where that would matter. Default: it is kept as it is. */
  copy?(value: unknown): unknown;
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

/** A list, whose elements are checked elsewhere. */
export const list: OptionRule = {
  meaning: "an array",
  isType: (value) => Array.isArray(value),
};

/** Several texts. */
export const texts: OptionRule = {
  meaning: "an array of texts",
  // From an array without holes: what is not there is no text either.
  isType: (value) =>
    Array.isArray(value) && Array.from(value).every((each) => typeof each === "string"),
  copy: (value) => Array.from(value as readonly string[]),
};

/** A whole number in a range. */
export function integer(min: number, max: number = Infinity): OptionRule {
  return {
    meaning: max === Infinity
      ? `an integer of at least ${min}, below 2^53`
      : `an integer from ${min} to ${max}`,
    isType: (value) => typeof value === "number",
    isInRange: (value) =>
      Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max,
  };
}

/** A number in a range, of which `max` may be a part or not: `meaning` says so. */
export function number(min: number, max: number, meaning: string): OptionRule {
  return {
    meaning,
    isType: (value) => typeof value === "number",
    isInRange: (value) => (value as number) >= min && (value as number) <= max,
  };
}

/** How much of something is left out. */
export const share: OptionRule = {
  meaning: "a number from 0 to less than 1",
  isType: (value) => typeof value === "number",
  // As F32 has it.
  isInRange: (value) => (value as number) >= 0 && Math.fround(value as number) < 1,
};

/** One of a few words, or the only one that there is. */
export function oneOf<Word extends string>(...words: readonly Word[]): OptionRule {
  return {
    meaning: words.length === 1 ? JSON.stringify(words[0]) : `one of ${words.join(", ")}`,
    isType: (value) => typeof value === "string",
    isInRange: (value) => words.includes(value as Word),
  };
}

/**
 * Checks options, as a caller's code would read them: also those that an object has from its prototype. One that is
 * undefined counts as not given.
 *
 * @param action what cannot be done otherwise: `generate`
 * @returns the values that were checked, which stay as they are whatever the object says when it is asked again, and whatever
 * becomes of its lists
 * @throws {TypeError} if there is no such option, or one has the wrong type
 * @throws {RangeError} if one is out of range
 */
export function checkOptions<T extends object>(
  action: string,
  options: T,
  rules: OptionRules<T>,
): Readonly<T> {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new TypeError(
      `Cannot ${action}: the options must be an object: received ${describe(options)}. ` +
        `Give options such as { ${Object.keys(rules)[0]}: ... }, or none.`,
    );
  }
  const names = Object.keys(rules);
  for (const name in options) {
    const isUnknown = !Object.hasOwn(rules, name) && !(name in Object.prototype);
    if (isUnknown && options[name] !== undefined) throw unknownOption(action, name, names);
  }
  const checked: Partial<T> = {};
  for (const name of names as (keyof T & string)[]) {
    const value = options[name];
    if (value === undefined) continue;
    const rule = rules[name];
    const isType = rule.isType(value);
    if (!isType || !(rule.isInRange?.(value) ?? true)) {
      const ErrorClass = isType ? InvalidArgumentError : TypeError;
      throw new ErrorClass(
        `Cannot ${action}: ${name} must be ${rule.meaning}: received ${describe(value)}. ` +
          (rule.advice ?? "Correct it, or leave it out."),
      );
    }
    checked[name] = rule.copy === undefined ? value : rule.copy(value) as T[typeof name];
  }
  return checked as T;
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
