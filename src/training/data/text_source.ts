/**
 * The texts that something is learned from: a file, a folder of files, or a file with a JSON object in each line.
 *
 * Nothing is ever read as a whole: texts come in parts, one after another.
 *
 * @module
 */
import { openRegularFile } from "../../base/byte_source.ts";
import { formatError } from "../../base/describe.ts";
import type { FileFormatError } from "../../base/errors.ts";
import { isFile, isFolder } from "../../base/files.ts";
import { readError } from "../../base/read_error.ts";
import { type ReadingOptions, readUtf8 } from "./read_utf8.ts";
import { splitAt } from "./split_at.ts";

/** A part of a text. */
export interface TextPart {
  /** The part. May be empty. */
  readonly text: string;
  /** Whether a text ends with it; the next part is of another one. */
  readonly endsText: boolean;
  /** The file that it is from. */
  readonly path: string;
  /** The line of the file on which it begins, from 1 on. */
  readonly line: number;
  /** Whether its text is within this line, whatever line ends it has. */
  readonly isInLine: boolean;
}

/** A file, as far as it tells whether it has changed. */
export interface SourceFile {
  /** Where it is. */
  readonly path: string;
  /** Its size. */
  readonly numBytes: number;
  /** When it was last written, in ms since 1970; null where the system does not tell. */
  readonly modifiedMs: number | null;
}

/** The names of files in a folder that are texts. */
const TEXT_NAME = /\.(txt|md)$/i;
const JSON_LINES_NAME = /\.(jsonl|ndjson)$/i;

/** Texts on the disk. */
export class TextSource {
  /** The files, in the order in which they are read. */
  readonly files: readonly SourceFile[];
  readonly #isJsonLines: boolean;

  readonly #path: string;

  private constructor(path: string, files: readonly SourceFile[], isJsonLines: boolean) {
    this.#path = path;
    this.files = files;
    this.#isJsonLines = isJsonLines;
  }

  /**
   * Looks for the texts at a path: those of a folder and the folders in it (`.txt`, `.md`; names that begin with a dot are left
   * out, and folders of training runs and tokenizers) in the order of their names, those of a `.jsonl` file (an object with a `text` in every line), or that which any other file is.
   *
   * @throws {Deno.errors.NotFound} if there is no file or folder
   * @throws {FileFormatError} if there is no text in a folder
   */
  static open(path: string): TextSource {
    if (!isFolder(path)) return new TextSource(path, [infoOf(path)], JSON_LINES_NAME.test(path));
    const paths = [...textsIn(path)];
    if (paths.length === 0) {
      throw formatError(
        "texts",
        path,
        "there is no .txt or .md file in it",
        "a folder without texts",
        "Give a folder of texts, a text file, or a .jsonl file.",
      );
    }
    return new TextSource(path, paths.map(infoOf), false);
  }

  /** The bytes of all files. */
  get totalBytes(): number {
    return this.files.reduce((sum, { numBytes }) => sum + numBytes, 0);
  }

  /** The error for texts that turned out to be empty. */
  emptyError(): FileFormatError {
    return formatError(
      "texts",
      this.#path,
      "there is no text in it",
      "empty texts",
      "Give texts that are not empty.",
    );
  }

  /** The error for texts that were not the same when they were read again. */
  changedError(): FileFormatError {
    return formatError(
      "texts",
      this.#path,
      "it was changed while it was read",
      "another number of characters",
      "Wait until nothing else writes to it.",
    );
  }

  /**
   * The texts. Those of a folder or of JSON lines that are empty are left out.
   *
   * @param separator what stands between two texts in one file
   * @throws {FileFormatError} if a file is not UTF-8, or a line has no text
   */
  async *parts(
    separator: string | undefined,
    options: ReadingOptions = {},
  ): AsyncGenerator<TextPart> {
    const isOneFile = this.files.length === 1;
    for (const { path, numBytes } of this.files) {
      if (numBytes === 0 && !isOneFile) continue;
      yield* this.#isJsonLines ? jsonLines(path, options) : textFile(path, separator, options);
    }
  }
}

async function* textFile(
  path: string,
  separator: string | undefined,
  options: ReadingOptions,
): AsyncGenerator<TextPart> {
  let line = 1;
  for await (const part of splitAt(readUtf8(path, options), separator)) {
    yield { ...part, path, line, isInLine: false };
    line += numLinesIn(part.text);
  }
}

function numLinesIn(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) count++;
  return count;
}

async function* jsonLines(path: string, options: ReadingOptions): AsyncGenerator<TextPart> {
  let line = 0;
  let json = "";
  for await (const { text: part, endsText } of splitAt(readUtf8(path, options), "\n")) {
    json += part;
    if (!endsText) continue;
    line++;
    const text = json.trim() === "" ? "" : textOfLine(json, path, line);
    json = "";
    if (text !== "") yield { text, endsText, path, line, isInLine: true };
  }
}

function textOfLine(json: string, path: string, line: number): string {
  const refuse = (what: string, received: unknown) =>
    formatError("JSON lines", path, `line ${line} ${what}`, received, ADVICE_FOR_LINES);
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw refuse("is not JSON", json);
  }
  const text = typeof value === "object" && value !== null && "text" in value
    ? value.text
    : undefined;
  if (typeof text === "string") return text.toWellFormed();
  throw refuse('has no "text" that is a string', json);
}

const ADVICE_FOR_LINES = 'Each line must be an object such as {"text": "Once upon a time"}.';

/** The texts in a folder. A link to a folder is not followed, as it may lead back. */
function* textsIn(folder: string): Generator<string> {
  const entries = readFolder(folder).sort((one, other) => one.name < other.name ? -1 : 1);
  for (const { name, isDirectory } of entries) {
    const path = `${folder}/${name}`;
    if (name.startsWith(".")) continue;
    if (isDirectory) {
      if (!isMade(path)) yield* textsIn(path);
      continue;
    }
    if (TEXT_NAME.test(name) && isFile(path)) yield path;
  }
}

/** Whether a folder is a training run or a tokenizer, whose `merges.txt` nobody wants to learn: it may lie among the texts. */
function isMade(folder: string): boolean {
  const has = (...names: string[]) => names.every((name) => isFile(`${folder}/${name}`));
  return has("run.lock") || has("plan.json", "log.jsonl") || has("vocab.json", "merges.txt") ||
    has("tokenizer.json");
}

function readFolder(folder: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(folder)];
  } catch (error) {
    throw readError(folder, error);
  }
}

function infoOf(path: string): SourceFile {
  using file = openRegularFile(path);
  return { path, numBytes: file.size, modifiedMs: Deno.statSync(path).mtime?.getTime() ?? null };
}
