/**
 * The prompts of a file, one in each line.
 *
 * @module
 */
import { quote } from "../../base/describe.ts";
import { FileFormatError } from "../../base/errors.ts";
import { type JsonValue, parseStrictJson } from "../../base/strict_json.ts";
import { UsageError } from "../arguments/usage_error.ts";
import { sourceText } from "../read_text.ts";

/** A prompt, and where it is. */
export interface LinePrompt {
  readonly text: string;
  /** The number of its line, from 1. */
  readonly line: number;
}

/** The key of a prompt in a line that is a JSON object. */
const KEY = "prompt";

/**
 * The prompts of a text. Its lines are prompts, or, if the first one is such an object, JSON objects with a `prompt`;
 * empty lines are none.
 *
 * @param path where the text is from, `-` for stdin
 * @throws {FileFormatError} if some lines are such objects and others not
 * @throws {UsageError} if there is no prompt
 */
export function parsePrompts(text: string, path: string): LinePrompt[] {
  const lines = text.split(/\r?\n/)
    .map((text, index) => ({ text, line: index + 1 }))
    .filter(({ text }) => text !== "");
  if (lines.length === 0) {
    throw new UsageError(
      `--prompts needs a file with prompts: received none in ${sourceText(path)}.`,
    );
  }
  if (promptOf(lines[0].text) === undefined) return lines;
  return lines.map(({ text, line }) => {
    const prompt = promptOf(text);
    if (prompt !== undefined) return { text: prompt, line };
    throw new FileFormatError(
      `Cannot read the prompts: line ${line} of ${sourceText(path)} is not, like the first one, ` +
        `a JSON object with a text as "${KEY}": received ${quote(text)}. Correct that line.`,
      { path },
    );
  });
}

/** The prompt in an object that is written as JSON, if it is one that has one. */
function promptOf(text: string): string | undefined {
  if (!text.trimStart().startsWith("{")) return undefined;
  let value: JsonValue;
  try {
    value = parseStrictJson(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  const prompt = value instanceof Map ? value.get(KEY) : undefined;
  return typeof prompt === "string" ? prompt : undefined;
}
