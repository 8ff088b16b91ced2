/**
 * Strings and numbers that a schema describes.
 *
 * @module
 */
import { describe, quote } from "../../../base/describe.ts";
import { type Expression, NOTHING } from "../grammar/expression.ts";
import { regexExpression } from "../regex/regex_expression.ts";
import { ANY_FORMATS, FORMATS, uriWithin } from "./formats.ts";
import { anyString, stringOf } from "./json_strings.ts";
import { boundsOf, schemaError, type SchemaObject } from "./keywords.ts";
import { lengthRange, withinLengths } from "./lengths.ts";
import { decimalsIn, integersIn, MAX_DIGITS, type NumberRange } from "./number_ranges.ts";

/** The numbers that a schema describes. */
export function numberExpression(
  type: "integer" | "number",
  schema: SchemaObject,
  place: string,
): Expression {
  const range: Record<string, number> = {};
  for (const name of ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]) {
    const bound = schema[name];
    if (bound === undefined) continue;
    if (typeof bound !== "number") {
      throw schemaError(place, `${name} is no number`, describe(bound), "Use a number");
    }
    if (!Number.isFinite(bound)) {
      throw schemaError(
        place,
        `${name} is too large to be read as a number`,
        describe(bound),
        "Leave it out if there is no bound",
      );
    }
    range[name] = bound;
  }
  const numbers = type === "integer"
    ? integersIn(range as NumberRange)
    : decimalsIn(range as NumberRange);
  if (numbers !== undefined) return numbers;
  throw schemaError(
    place,
    `a bound has more than ${MAX_DIGITS} digits`,
    describe(Object.values(range)),
    `Numbers are written with up to ${MAX_DIGITS} digits, so that each is read as what it is`,
  );
}

/** The strings that a schema describes. */
export async function stringExpression(schema: SchemaObject, place: string): Promise<Expression> {
  const { pattern, format } = schema;
  const [min, max] = boundsOf(schema, "minLength", "maxLength", place);
  if (min > max) return NOTHING;
  const isAny = format === undefined || ANY_FORMATS.includes(format as string);
  if (pattern === undefined && isAny) return anyString(min, max);
  if (pattern !== undefined && !isAny) {
    throw schemaError(place, "pattern and format are together", describe(format), "Use one");
  }
  const content = pattern === undefined
    ? await formatExpression(format, max, place)
    : await patternExpression(pattern, place);
  const bounded = withinLengths(content, min, max);
  if (bounded === undefined) {
    const which = lengthRange(content)[1] > max ? "maxLength" : "minLength";
    throw schemaError(
      place,
      `${which} excludes texts that ${pattern === undefined ? "format" : "pattern"} allows`,
      describe(schema[which]),
      "Say the length within the pattern, as in ^[a-z]{2,8}$",
    );
  }
  return stringOf(bounded);
}

async function formatExpression(
  format: unknown,
  maxLength: number,
  place: string,
): Promise<Expression> {
  if (format === "uri") return await regexExpression("format", uriWithin(maxLength));
  if (typeof format === "string" && Object.hasOwn(FORMATS, format)) {
    return await regexExpression("format", FORMATS[format]);
  }
  throw schemaError(
    place,
    "there is no such format",
    describe(format),
    `Use one of ${[...Object.keys(FORMATS), "uri", ...ANY_FORMATS].join(", ")}`,
  );
}

async function patternExpression(pattern: unknown, place: string): Promise<Expression> {
  if (typeof pattern !== "string") {
    throw schemaError(place, "pattern is no text", describe(pattern), "Use a regular expression");
  }
  try {
    return await regexExpression("pattern", pattern, { search: true });
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw schemaError(
      place,
      "pattern is not a regular expression",
      quote(pattern),
      "Write it as JavaScript reads it with the flag u",
    );
  }
}
