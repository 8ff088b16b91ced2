/**
 * What the flags of `generate` demand of the text to be written.
 *
 * @module
 */
import { quote } from "../../base/describe.ts";
import { FileFormatError } from "../../base/errors.ts";
import type { ConstraintOptions } from "../../generation/constraints/constraint_options.ts";
import { flagText } from "../arguments/flags.ts";
import type { GenerateValues } from "../arguments/generate_flags.ts";
import { UsageError } from "../arguments/usage_error.ts";
import { readFileOrStdin } from "../read_text.ts";
import type { Io } from "../terminal/io.ts";

const MAX_SCHEMA_BYTES = 2 ** 24;

/**
 * The constraint that flags ask for, as the library takes it.
 *
 * @throws {UsageError} if they ask for several, or for what does not parse
 * @throws {FileFormatError} if the file of a JSON Schema is not JSON
 */
export async function constraintOptions(
  { choices, regex, jsonSchema }: GenerateValues,
  io: Io,
): Promise<ConstraintOptions> {
  const given = Object.entries({ choices: choices[0], regex, jsonSchema })
    .filter(([, value]) => value !== undefined)
    .map(([name]) => flagText(name));
  if (given.length > 1) {
    throw new UsageError(`There can be only one of ${given.join(" and ")}. Leave out the others.`);
  }
  if (regex !== undefined) requireRegex(regex);
  return {
    choices: choices.length === 0 ? undefined : choices.flatMap(parseChoices),
    regex,
    jsonSchema: jsonSchema === undefined ? undefined : await parseSchema(jsonSchema, io),
  };
}

/** Texts with commas between them; or, for texts with commas in them, a list in JSON. */
function parseChoices(value: string): readonly string[] {
  if (!value.startsWith("[")) return value.split(",");
  try {
    const list: unknown = JSON.parse(value);
    if (Array.isArray(list) && list.every((each) => typeof each === "string")) return list;
  } catch {
    // It is said below what it should be.
  }
  throw new UsageError(
    `--choices must be texts with commas between them, or a JSON array of texts: received ${
      quote(value)
    }. Write for example yes,no or ["yes, of course","no"].`,
  );
}

function requireRegex(regex: string): void {
  try {
    new RegExp(regex, "u");
  } catch (error) {
    throw new UsageError(
      `--regex must be a regular expression of JavaScript, with the flag u: received ${
        quote(regex)
      }: ${(error as Error).message}.`,
    );
  }
}

/** A schema as it is on the command line, or the path of a file with one. */
async function parseSchema(value: string, io: Io): Promise<Record<string, unknown>> {
  const isText = value.trimStart().startsWith("{");
  const text = isText
    ? value
    : await readFileOrStdin(value, io, { maxBytes: MAX_SCHEMA_BYTES, flag: "--json-schema" });
  let schema: unknown;
  let problem = "it is not an object";
  try {
    schema = JSON.parse(text);
  } catch (error) {
    problem = (error as Error).message;
  }
  if (typeof schema === "object" && schema !== null && !Array.isArray(schema)) {
    return schema as Record<string, unknown>;
  }
  const message = `--json-schema must be a JSON Schema, or a file with one: received ${
    quote(value)
  }: ${problem}.`;
  throw isText ? new UsageError(message) : new FileFormatError(message, { path: value });
}
