/**
 * The prompts of a file, one in each line.
 *
 * @module
 */
import { quote } from "../../base/describe.ts";
import { FileFormatError } from "../../base/errors.ts";
import { type JsonValue, parseStrictJson } from "../../base/strict_json.ts";
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
 * The prompts of a text. Its lines are prompts, or, if the first one begins with a brace, JSON objects with a `prompt`;
 * empty lines are none.
 *
 * @param path where the text is from, `-` for stdin
 * @throws {FileFormatError} if there is no prompt, or a line is not what the first one says that all are
 */
export function parsePrompts(text: string, path: string): LinePrompt[] {
  const lines = text.split(/\r?\n/)
    .map((text, index) => ({ text, line: index + 1 }))
    .filter(({ text }) => text !== "");
  const from = sourceText(path);
  if (lines.length === 0) {
    const problem = `--prompts needs a file with prompts: received none in ${from}`;
    throw new FileFormatError(`${problem}. Write one in each line.`, { path });
  }
  const areObjects = isLikeObject(lines[0].text);
  return lines.map(({ text, line }) => {
    const refuse = (problem: string, advice: string) =>
      new FileFormatError(
        `Cannot read the prompts: line ${line} of ${from} is ${problem}: received ${
          quote(text)
        }. ${advice}`,
        { path },
      );
    const object = parseObject(text);
    if (!areObjects) {
      if (object === undefined) return { text, line };
      throw refuse(
        "a JSON object, and the first prompt is plain text",
        `Write all of them as text, or all as {"${KEY}": "..."}.`,
      );
    }
    if (object === undefined) {
      throw line === lines[0].line
        ? refuse(
          "no JSON, though it begins with a brace",
          `Correct it; if it is a text, write all prompts as {"${KEY}": "..."}.`,
        )
        : refuse("not, like the first one, a JSON object", "Correct that line.");
    }
    const prompt = object.get(KEY);
    if (typeof prompt === "string") return { text: prompt, line };
    throw refuse(`a JSON object without a text as "${KEY}"`, `Name the field "${KEY}".`);
  });
}

function isLikeObject(text: string): boolean {
  return text.trimStart().startsWith("{");
}

/** The object that is written as JSON, if it is one. */
function parseObject(text: string): ReadonlyMap<string, JsonValue> | undefined {
  if (!isLikeObject(text)) return undefined;
  try {
    const value = parseStrictJson(text);
    return value instanceof Map ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
