/**
 * What a schema may say.
 *
 * @module
 */
import { describe, quote } from "../../../base/describe.ts";
import { InvalidArgumentError } from "../../../base/errors.ts";
import { MAX_REPETITIONS } from "../grammar/expression.ts";

/** A schema that is an object, as JSON gives it. */
export type SchemaObject = Readonly<Record<string, unknown>>;

/** Whether something is a schema that is an object. */
export function isSchemaObject(value: unknown): value is SchemaObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The types of JSON values, as JSON Schema names them. */
export const TYPES = [
  "object",
  "array",
  "string",
  "number",
  "integer",
  "boolean",
  "null",
] as const;
export type TypeName = typeof TYPES[number];

/** What a schema may say about values of which type. */
export const KEYWORDS_OF = {
  object: ["properties", "required", "additionalProperties", "propertyNames"],
  array: ["items", "prefixItems", "minItems", "maxItems", "uniqueItems"],
  string: ["pattern", "minLength", "maxLength", "format"],
  number: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
} as const;

/** What says which values there are by itself: nothing else may be said beside it but the type. */
const WHOLE = ["$ref", "allOf", "anyOf", "oneOf", "enum", "const"] as const;

/** What says nothing about values. */
const ANNOTATIONS = [
  "$schema",
  "$id",
  "$comment",
  "$defs",
  "definitions",
  "title",
  "description",
  "default",
  "examples",
  "deprecated",
  "readOnly",
  "writeOnly",
  // Which alternative it is can be told without this hint of OpenAPI's, or oneOf is refused.
  "discriminator",
];

const SUPPORTED = ["type", "nullable", ...WHOLE, ...Object.values(KEYWORDS_OF).flat()];

/** Where a keyword is supported, if that is not everywhere. */
const LIMITS: Readonly<Record<string, string>> = { allOf: "of one", uniqueItems: "false" };

/**
 * Checks that a schema says nothing that is not supported, and returns the keyword that says all by itself, if there is one.
 *
 * @param place where it is in the whole schema: `#/properties/name`
 * @throws {RangeError} if it does
 */
export function checkKeywords(
  schema: SchemaObject,
  place: string,
): typeof WHOLE[number] | undefined {
  const names = Object.keys(schema).filter((name) => !ANNOTATIONS.includes(name));
  const unknown = names.find((name) => !SUPPORTED.includes(name));
  if (unknown !== undefined) {
    throw schemaError(
      place,
      "a keyword is not supported",
      quote(unknown),
      `Leave it out: these are supported: ${
        SUPPORTED.map((name) => name in LIMITS ? `${name} (${LIMITS[name]})` : name).join(", ")
      }`,
    );
  }
  const whole = WHOLE.find((name) => names.includes(name));
  const mayHaveType = whole === "enum" || whole === "const";
  const other = names.find((name) =>
    name !== whole && !(mayHaveType && (name === "type" || name === "nullable"))
  );
  if (whole !== undefined && other !== undefined) {
    throw schemaError(
      place,
      `${whole} together with other keywords is not supported`,
      quote(other),
      `Leave out one of them`,
    );
  }
  return whole;
}

/** The types that a schema allows: those that it names, or else those that it says something about, or else all. */
export function typesOf(schema: SchemaObject, place: string): readonly TypeName[] {
  const { type, nullable = false } = schema;
  if (typeof nullable !== "boolean") {
    throw schemaError(
      place,
      "nullable is not true or false",
      describe(nullable),
      'Or use "type": [..., "null"]',
    );
  }
  if (type === undefined) {
    const about = (Object.keys(KEYWORDS_OF) as (keyof typeof KEYWORDS_OF)[])
      .filter((type) => KEYWORDS_OF[type].some((keyword) => schema[keyword] !== undefined));
    return about.length > 0 ? about : TYPES.filter((type) => type !== "integer");
  }
  const types = [type].flat() as TypeName[];
  for (const each of types) {
    if (!TYPES.includes(each)) {
      throw schemaError(place, "there is no such type", describe(each), `Use ${TYPES.join(", ")}`);
    }
  }
  // As OpenAPI has it, beside a type.
  if (nullable && !types.includes("null")) types.push("null");
  // Each whole number is a number.
  return types.includes("number") ? types.filter((each) => each !== "integer") : types;
}

/** Two bounds of a count; without the second, there is none. */
export function boundsOf(
  schema: SchemaObject,
  minName: string,
  maxName: string,
  place: string,
): [min: number, max: number] {
  const [min, max] = [minName, maxName].map((name) => {
    const bound = schema[name];
    if (bound === undefined) return undefined;
    if (typeof bound !== "number" || !Number.isSafeInteger(bound) || bound < 0) {
      throw schemaError(place, `${name} is no count`, describe(bound), "Use a whole number");
    }
    if (bound > MAX_REPETITIONS) {
      throw schemaError(
        place,
        `${name} is too large`,
        describe(bound),
        `Use up to ${MAX_REPETITIONS}, or leave it out`,
      );
    }
    return bound;
  });
  return [min ?? 0, max ?? Infinity];
}

/** The list that a keyword gives. */
export function listAt(schema: SchemaObject, name: string, place: string): readonly unknown[] {
  const list = schema[name];
  if (Array.isArray(list)) return list;
  throw schemaError(place, `${name} is no list`, describe(list), "Use an array");
}

/** An error about a place of a schema. */
export function schemaError(
  place: string,
  what: string,
  received: string,
  advice: string,
): InvalidArgumentError {
  // Names of properties are in it, which are the user's: in quotes, no one takes them for names of options.
  const shown = quote(place.length > 100 ? "..." + place.slice(-100) : place);
  return new InvalidArgumentError(
    `Cannot generate: jsonSchema cannot be used: at ${shown} ${what}: received ${received}. ${advice}.`,
  );
}
