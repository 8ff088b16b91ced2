/**
 * What a text has to be: the fields of a request that say so, also those that OpenAI and vLLM have for the same.
 *
 * @module
 */
import { compileConstraint } from "../../generation/constraints/compile_constraint.ts";
import type { ConstraintOptions } from "../../generation/constraints/constraint_options.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import { ApiError, fieldError, toApiError } from "../api_error.ts";
import { fieldName } from "../field_names.ts";
import {
  checkFields,
  eitherField,
  type Field,
  type FieldValues,
  flagField,
  ignoredField,
  objectField,
  textField,
  textsField,
} from "../fields.ts";
import * as limits from "../limits.ts";
import { otherStructuredOutputs } from "./other_fields.ts";

/** Only well-formed JSON Schemas and the limits of what is supported; the library looks at the rest. */
const schemaField = eitherField(objectField, flagField);
/** vLLM takes a schema as a text, too. */
const schemaOrTextField = eitherField(schemaField, textField);
const choicesField = textsField(limits.MAX_CHOICES, limits.MAX_CHOICE_CHARACTERS);

const ANY_OBJECT = { type: "object" };

/** The fields. */
export const constraintFields = {
  regex: textField,
  json_schema: schemaField,
  choices: choicesField,
  // Other names for them: vLLM's older ones, its newer ones, and OpenAI's.
  guided_regex: textField,
  guided_json: schemaOrTextField,
  guided_choice: choicesField,
  structured_outputs: objectField,
  response_format: objectField,
};

const structuredOutputs = {
  regex: textField,
  json: schemaOrTextField,
  choice: choicesField,
  json_object: flagField,
  ...otherStructuredOutputs,
};

const responseFormats: Readonly<Record<string, Readonly<Record<string, Field<unknown>>>>> = {
  text: { type: textField },
  json_object: { type: textField },
  json_schema: { type: textField, json_schema: objectField },
};

/** A constraint, and what the request calls it. */
export interface NamedConstraint {
  /** The field. */
  readonly name: string;
  /** The option of the library that it is. */
  readonly option: keyof ConstraintOptions;
  readonly value: unknown;
}

/**
 * What a request asks for, if it asks for any.
 *
 * @throws {ApiError} 400 if that is more than one thing, too large, or a form that there is not
 */
export function constraintOf(
  fields: FieldValues<typeof constraintFields>,
): NamedConstraint | undefined {
  const { structured_outputs, response_format } = fields;
  const given = [
    named("regex", "regex", fields.regex),
    named("json_schema", "jsonSchema", fields.json_schema),
    named("choices", "choices", fields.choices),
    named("guided_regex", "regex", fields.guided_regex),
    named("guided_json", "jsonSchema", parsed("guided_json", fields.guided_json)),
    named("guided_choice", "choices", fields.guided_choice),
    ...structured_outputs === undefined ? [] : ofStructuredOutputs(structured_outputs),
    ...response_format === undefined ? [] : ofResponseFormat(response_format),
  ].filter(({ value }) => value !== undefined);
  const [first, second] = given;
  if (second !== undefined) {
    throw fieldError(
      second.name,
      `There can be only one constraint: received ${first.name} and ${second.name}. ` +
        "Leave out all but one.",
    );
  }
  if (first !== undefined) checkSize(first);
  return first;
}

/**
 * Makes a constraint ready, so that whoever writes with it finds it made, and what is wrong with it is said of the field
 * that the client sent.
 *
 * @param endOfTextIds the tokens that end the text
 * @param signal ends the waiting with its reason: it may take seconds
 * @throws {ApiError} 400 if it cannot be used
 */
export async function prepareConstraint(
  { name, option, value }: NamedConstraint,
  tokenizer: Tokenizer | undefined,
  endOfTextIds: readonly number[],
  signal: AbortSignal,
): Promise<void> {
  try {
    await compileConstraint({ [option]: value }, tokenizer, endOfTextIds, signal);
  } catch (cause) {
    signal.throwIfAborted();
    const { status, message } = toApiError(cause);
    if (status !== 400) throw cause;
    throw new ApiError(400, message.replace(` ${fieldName(option)} `, () => ` ${name} `), {
      param: name,
      code: "invalid_value",
      cause,
    });
  }
}

function named(name: string, option: keyof ConstraintOptions, value: unknown): NamedConstraint {
  return { name, option, value };
}

function ofStructuredOutputs(value: Readonly<Record<string, unknown>>): NamedConstraint[] {
  const name = "structured_outputs";
  const { regex, json, choice, json_object } = checkFields(value, structuredOutputs, name);
  return [
    named(`${name}.regex`, "regex", regex),
    named(`${name}.json`, "jsonSchema", parsed(`${name}.json`, json)),
    named(`${name}.choice`, "choices", choice),
    named(`${name}.json_object`, "jsonSchema", json_object ? ANY_OBJECT : undefined),
  ];
}

function ofResponseFormat(value: Readonly<Record<string, unknown>>): NamedConstraint[] {
  const name = "response_format";
  const { type } = value;
  if (typeof type !== "string" || !Object.hasOwn(responseFormats, type)) {
    const known = Object.keys(responseFormats).map((type) => `{"type": "${type}"}`);
    throw fieldError(`${name}.type`, `${name} must be one of ${known.join(", ")}.`);
  }
  const { json_schema } = checkFields(value, responseFormats[type], name);
  if (type === "text") return [];
  if (type === "json_object") return [named(name, "jsonSchema", ANY_OBJECT)];
  const place = `${name}.json_schema`;
  // Whether it is strict makes no difference: it always is.
  const { schema } = checkFields(json_schema ?? {}, {
    name: ignoredField,
    description: ignoredField,
    strict: ignoredField,
    schema: schemaField,
  }, place);
  if (schema === undefined) throw fieldError(`${place}.schema`, `${place}.schema is missing.`);
  return [named(`${place}.schema`, "jsonSchema", schema)];
}

function parsed(name: string, schema: unknown): unknown {
  if (typeof schema !== "string") return schema;
  let value: unknown;
  try {
    value = JSON.parse(schema);
  } catch {
    // Refused below.
  }
  if (schemaField.is(value)) return value;
  throw fieldError(name, `${name} must be ${schemaField.meaning}, or JSON that is that.`);
}

function checkSize({ name, option, value }: NamedConstraint): void {
  const [size, most] = option === "regex"
    ? [(value as string).length, limits.MAX_PATTERN_CHARACTERS]
    : [JSON.stringify(value).length, limits.MAX_SCHEMA_CHARACTERS];
  if (size <= most) return;
  throw fieldError(name, `${name} must have at most ${most} characters: received ${size}.`);
}
