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
 * The prompts of a text. Its lines are prompts, or, if the first one is a JSON object, JSON objects with a `prompt`; empty
 * lines are none. What is no JSON is a prompt, even if it begins with a brace.
 *
 * @param path where the text is from, `-` for stdin
 * @throws {FileFormatError} if a line is no JSON object, and the first one is
 * @throws {UsageError} if there is no prompt, an object has none, or a line is an object and the first one is not
 */
export function parsePrompts(text: string, path: string): LinePrompt[] {
  const lines = text.split(/\r?\n/)
    .map((text, index) => ({ text, line: index + 1, object: parseObject(text) }))
    .filter(({ text }) => text !== "");
  if (lines.length === 0) {
    throw new UsageError(
      `--prompts needs a file with prompts: received none in ${sourceText(path)}.`,
    );
  }
  const areObjects = lines[0].object !== undefined;
  return lines.map(({ text, line, object }) => {
    const place = `Cannot read the prompts: line ${line} of ${sourceText(path)}`;
    if (object === undefined) {
      if (!areObjects) return { text, line };
      throw new FileFormatError(
        `${place} is not, like the first one, a JSON object with a text as "${KEY}": ` +
          `received ${quote(text)}. Correct that line.`,
        { path },
      );
    }
    if (!areObjects) {
      throw new UsageError(
        `${place} is a JSON object, and the first prompt is plain text: received ${quote(text)}. ` +
          `Write all of them as text, or all as {"${KEY}": "..."}.`,
      );
    }
    const prompt = object.get(KEY);
    if (typeof prompt === "string") return { text: prompt, line };
    throw new UsageError(
      `${place} is a JSON object without a text as "${KEY}": received ${quote(text)}. ` +
        `Name the field "${KEY}".`,
    );
  });
}

/** The object that is written as JSON, if it is one. */
function parseObject(text: string): ReadonlyMap<string, JsonValue> | undefined {
  if (!text.trimStart().startsWith("{")) return undefined;
  try {
    const value = parseStrictJson(text);
    return value instanceof Map ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
