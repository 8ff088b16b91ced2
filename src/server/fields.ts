/**
 * The fields of a request, strictly: one that is misspelt is an error, not silence.
 *
 * @module
 */
import { closestName } from "../base/closest_name.ts";
import { describe, quote } from "../base/describe.ts";
import { isTokenIds } from "../tokenizer/token_ids.ts";
import { ApiError, fieldError } from "./api_error.ts";
import { fieldOfOthers } from "./field_names.ts";

/** What a field must be, and what it is then. */
export interface Field<T> {
  /** In words, after "must be". */
  readonly meaning: string;
  /** Whether a value is that. */
  is(value: unknown): value is T;
}

/** Fields by name. */
export type Fields = Readonly<Record<string, Field<unknown>>>;

/** The values of fields: of each that the request has. */
export type FieldValues<F extends Fields> = {
  readonly [Name in keyof F]?: F[Name] extends Field<infer T> ? T : never;
};

/** True or false. */
export const flagField: Field<boolean> = {
  meaning: "true or false",
  is: (value) => typeof value === "boolean",
};

/** A text. */
export const textField: Field<string> = {
  meaning: "a text",
  is: (value) => typeof value === "string",
};

/** A number from `min` to `max`. */
export function numberField(min: number, max: number): Field<number> {
  return {
    meaning: `a number from ${min} to ${max}`,
    is: (value): value is number => typeof value === "number" && value >= min && value <= max,
  };
}

/** A number that something else checks more closely. */
export const anyNumberField: Field<number> = {
  meaning: "a number",
  is: (value) => typeof value === "number",
};

/** A whole number from `min` to `max`. */
export function integerField(min: number, max: number): Field<number> {
  return {
    meaning: `a whole number from ${min} to ${max}`,
    is: (value): value is number =>
      Number.isSafeInteger(value) && value as number >= min && value as number <= max,
  };
}

/** The ids of tokens. Whether there are such tokens is checked elsewhere. */
export const tokensField: Field<number[]> = {
  meaning: "an array of token ids",
  is: (value): value is number[] => Array.isArray(value) && isTokenIds(value),
};

/** So many texts, each of at least one character and at most so many. */
export function textsField(maxTexts: number, maxLength: number): Field<readonly string[]> {
  return {
    meaning: `an array of 1 to ${maxTexts} texts of 1 to ${maxLength} characters`,
    is: (value): value is readonly string[] =>
      Array.isArray(value) && value.length >= 1 && value.length <= maxTexts &&
      value.every((each) =>
        typeof each === "string" && each.length >= 1 && each.length <= maxLength
      ),
  };
}

/**
 * Looks whether there are such tokens.
 *
 * @param name of the field
 * @throws {ApiError} 400 if there are not
 */
export function checkTokenIds(name: string, tokens: readonly number[], vocabSize: number): void {
  const place = tokens.findIndex((id) => !(Number.isInteger(id) && id >= 0 && id < vocabSize));
  if (place < 0) return;
  throw fieldError(
    name,
    `${name} must have token ids from 0 to ${vocabSize - 1}: received ${
      describe(tokens[place])
    }, token ${place}.`,
  );
}

/** An object, whatever is in it. */
export const objectField: Field<Readonly<Record<string, unknown>>> = {
  meaning: "an object",
  is: (value): value is Readonly<Record<string, unknown>> =>
    typeof value === "object" && value !== null && !Array.isArray(value),
};

/** Numbers by name. */
export const scalesField: Field<Readonly<Record<string, unknown>>> = {
  ...objectField,
  meaning: 'an object of scales by name, such as {"poems": 0.5}',
};

/** Either of two. */
export function eitherField<A, B>(one: Field<A>, other: Field<B>): Field<A | B> {
  return {
    meaning: `${one.meaning}, or ${other.meaning}`,
    is: (value): value is A | B => one.is(value) || other.is(value),
  };
}

/** Whatever is given makes no difference. */
export const ignoredField: Field<unknown> = {
  meaning: "anything",
  is: (_value): _value is unknown => true,
};

/** One value, a number, true or false, a text or an empty array, which says what is done anyway. */
export function exactField<const T>(value: T): Field<T> {
  const text = JSON.stringify(value);
  return {
    meaning: `${text}, which is what is done, or left out`,
    is: (received): received is T => JSON.stringify(received) === text,
  };
}

/** What other servers have: a client may say that it does not want it. */
export const unsupportedField: Field<never> = {
  meaning: "left out, or null, since it is not supported",
  is: (_value): _value is never => false,
};

/**
 * Checks the fields of a request. `null` counts as not given, as in OpenAI's API.
 *
 * @param body the request, as JSON has it
 * @param place the field that it is, if it is within one
 * @throws {ApiError} 400 if it is no object, has a field that there is not, or one of another kind
 */
export function checkFields<const F extends Fields>(
  body: unknown,
  fields: F,
  place?: string,
): FieldValues<F> {
  if (!objectField.is(body)) {
    throw new ApiError(400, `The body must be a JSON object: received ${describe(body)}.`);
  }
  const names = Object.keys(fields);
  const checked: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(body)) {
    const whole = place === undefined ? name : `${place}.${name}`;
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field === undefined) throw unknownField(name, whole, names);
    if (value === null || value === undefined) continue;
    if (!field.is(value)) {
      throw fieldError(whole, `${whole} must be ${field.meaning}: received ${describe(value)}.`);
    }
    checked[name] = value;
  }
  return checked as FieldValues<F>;
}

function unknownField(name: string, whole: string, known: readonly string[]): ApiError {
  const closest = fieldOfOthers(name, known) ?? closestName(name, known);
  const advice = closest === undefined
    ? `The fields are ${known.toSorted().join(", ")}.`
    : `Did you mean ${closest}?`;
  return new ApiError(400, `There is no such field: received ${quote(whole)}. ${advice}`, {
    param: whole.slice(0, 100),
    code: "unknown_field",
  });
}
