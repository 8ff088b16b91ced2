/**
 * The texts that `score` is given.
 *
 * @module
 */
import { quote } from "../../base/describe.ts";
import { FileFormatError } from "../../base/errors.ts";
import { parseJsonOfWords } from "../../base/strict_json.ts";
import { UsageError } from "../arguments/usage_error.ts";
import { readLines } from "../read_lines.ts";
import { emptyTextError, readText, sourceText } from "../read_text.ts";
import type { Io } from "../terminal/io.ts";
import { countText } from "../terminal/units.ts";

/** Far more than anybody reads of a table, and yet to be held in memory with all that is said of it. */
const MAX_TEXT_BYTES = 2 ** 24;

/** A text to score. */
export interface ScoredInput {
  readonly text: string;
  /** The number of its line, from 1, where there are several. */
  readonly line?: number;
}

/** Where the texts come from. */
export interface ScoredSource {
  readonly argument: string | undefined;
  readonly file: string | undefined;
  /** Whether each line is a text. */
  readonly lines: boolean;
  /** The field that has the text, if each line is a JSON object. */
  readonly jsonl: string | undefined;
}

/**
 * The texts, one after another, as they are asked for.
 *
 * @throws {UsageError} if there is none
 * @throws {FileFormatError} if it is empty; of several, only if all are, as they are asked for
 */
export async function scoredInputs(
  { argument, file, lines, jsonl }: ScoredSource,
  io: Io,
): Promise<AsyncIterable<ScoredInput>> {
  if (!lines && jsonl === undefined) {
    const given = await readText(argument, file, io, { maxBytes: MAX_TEXT_BYTES });
    if (given === undefined) {
      throw new UsageError(
        "score needs a text: received none. Put it in quotes, give --file, or write to stdin.",
      );
    }
    // What ends a file, or what echo adds, is not meant, nor the mark that some editors put before a text.
    if (argument !== undefined) {
      if (argument !== "") return one({ text: argument });
      throw new UsageError('Cannot score a text: there is none: received "". Give a longer text.');
    }
    const text = given.replace(/^\ufeff/, "").replace(/\r?\n$/, "");
    if (text === "") throw emptyTextError("score", file ?? "-", quote(given));
    return one({ text });
  }
  if (argument !== undefined) {
    throw new UsageError(
      `With ${lines ? "--lines" : "--jsonl"} the texts come from --file or stdin: received ${
        quote(argument)
      }, too. Leave it out.`,
    );
  }
  if (file === undefined && io.stdin.isTerminal) {
    throw new UsageError("score needs texts: received none. Give --file, or write to stdin.");
  }
  return eachLine(file ?? "-", jsonl, io);
}

async function* one(input: ScoredInput): AsyncGenerator<ScoredInput> {
  yield await Promise.resolve(input);
}

async function* eachLine(
  path: string,
  field: string | undefined,
  io: Io,
): AsyncGenerator<ScoredInput> {
  let isEmpty = true;
  let numLines = 0;
  for await (const { text, line } of readLines(path, "--file", io)) {
    numLines = line;
    if (text === "") continue;
    isEmpty = false;
    yield { line, text: field === undefined ? text : fieldOf(text, field, line, path) };
  }
  if (isEmpty) {
    throw emptyTextError("score", path, numLines === 0 ? '""' : countText(numLines, "empty line"));
  }
}

function fieldOf(json: string, field: string, line: number, path: string): string {
  const refuse = (problem: string) =>
    new FileFormatError(
      `Cannot score line ${line} of ${sourceText(path)}: ${problem}: received ${quote(json)}. ` +
        `Each line has to be a JSON object with a text as ${quote(field)}.`,
      { path },
    );
  // Of the fields that are not read, any may be there.
  const value = parseJsonOfWords(json, (what) => refuse(`it is ${what}`));
  if (!(value instanceof Map)) throw refuse("it is no JSON object");
  const text = value.get(field);
  if (typeof text !== "string") throw refuse(`it has no text as ${quote(field)}`);
  return text;
}
