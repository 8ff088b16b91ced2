/**
 * The file with the result of every question, which a later start goes on with.
 *
 * @module
 */
import { describe, quotePath } from "../../base/describe.ts";
import { exists, isTaken, throughLinks } from "../../base/files.ts";
import { orStorageError } from "../../base/storage_error.ts";
import { readError } from "../../base/read_error.ts";
import { FileSource, openRegularFile } from "../../base/byte_source.ts";
import { FileFormatError } from "../../base/errors.ts";
import type { ItemResult } from "../../evaluation/tasks/item_result.ts";
import type { TaskItem } from "../../evaluation/tasks/task.ts";
import { type TaskName, tasks } from "../../evaluation/tasks/tasks.ts";
import { UsageError } from "../arguments/usage_error.ts";
import { jsonText } from "../terminal/terminal_text.ts";

/** What results belong to: the first line of the file. */
export interface OutputHeader {
  readonly task: TaskName;
  readonly model: string;
  /** How its weights are computed, as the user has it. */
  readonly type: string;
  /** The SHA-256 of the questions, and of the labels. */
  readonly questions: string;
}

const NEWLINE = 0x0a;
const OTHER_PLACE = "Name another file after --jsonl, or begin anew with --overwrite.";

/**
 * A file of JSON lines: first what the results belong to, then one for each question, in their order. A line counts from its
 * line break on; what a killed process has left behind the last one is overwritten. Only one process writes to it at a time.
 */
export class ItemOutput implements Disposable {
  /** The results that were there. */
  readonly results: readonly ItemResult[];
  readonly #path: string;
  readonly #file: Deno.FsFile;
  /** No pipe or device, of which nothing can be cut off. */
  readonly #isRegular: boolean;
  #numBytes = 0;

  private constructor(
    path: string,
    file: Deno.FsFile,
    isRegular: boolean,
    results: readonly ItemResult[],
  ) {
    this.#path = path;
    this.#file = file;
    this.#isRegular = isRegular;
    this.results = results;
  }

  /**
   * Opens a file to go on with, or makes it.
   *
   * @param path where
   * @param header what the results belong to
   * @param items all questions, also those that are not asked
   * @param options `overwrite` begins anew
   * @throws {UsageError} if there is a file with something else
   * @throws {FileFormatError} if a line of it is not the result of its question
   * @throws {Deno.errors.Busy} if another process writes to it
   * @throws {StorageError} if it cannot be written
   */
  static async open(
    path: string,
    header: OutputHeader,
    items: readonly TaskItem[],
    options: { readonly overwrite: boolean },
  ): Promise<ItemOutput> {
    const { overwrite } = options;
    const isNew = !exists(path);
    if (!overwrite && isTaken(path)) requireRegularFile(path);
    const file = await orStorageError(
      path,
      () => Deno.open(path, { read: !overwrite, write: true, create: true }),
    );
    using resources = new DisposableStack();
    resources.use(file);
    const { isFile, size } = file.statSync();
    if (isFile && !hasLock(file)) {
      throw new Deno.errors.Busy(
        `Cannot write to ${
          quotePath(path)
        }: another process does. Name another file after --jsonl.`,
      );
    }
    const known = overwrite
      ? undefined
      : readLines(new FileSource(file, path, size).read(0, size), path, header, items);
    const output = new ItemOutput(path, file, isFile, known?.results ?? []);
    try {
      if (known === undefined) await output.#begin(header, size);
      else await output.#cut(known.numBytes);
    } catch (error) {
      // A file without a line is of no use to anybody. Where it cannot be removed either, the next start makes do with it.
      if (isNew) orUndefined(() => Deno.removeSync(throughLinks(path)));
      throw error;
    }
    resources.move();
    return output;
  }

  /**
   * Adds a result.
   *
   * @throws {StorageError} if it cannot be written; the file ends with the last result then
   */
  async add(result: ItemResult): Promise<void> {
    await this.#write(result, this.#numBytes);
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#file.close();
  }

  /** Writes the first line over what is there, which is cut off only when that is done. */
  async #begin(header: OutputHeader, oldBytes: number): Promise<void> {
    if (this.#isRegular) await this.#file.seek(0, Deno.SeekMode.Start);
    await this.#write(header, oldBytes);
    await this.#cut(this.#numBytes);
  }

  /** Ends the file after so many bytes, behind which results are added. */
  async #cut(numBytes: number): Promise<void> {
    this.#numBytes = numBytes;
    if (!this.#isRegular) return;
    await orStorageError(this.#path, async () => {
      await this.#file.truncate(numBytes);
      await this.#file.seek(numBytes, Deno.SeekMode.Start);
    });
  }

  /** Writes a line; of one that cannot be written as a whole nothing is left behind `oldBytes`. */
  async #write(value: unknown, oldBytes: number): Promise<void> {
    const bytes = new TextEncoder().encode(`${jsonText(value)}\n`);
    try {
      await orStorageError(this.#path, async () => {
        for (let written = 0; written < bytes.length;) {
          written += await this.#file.write(bytes.subarray(written));
        }
      });
    } catch (error) {
      if (this.#isRegular) orUndefined(() => this.#file.truncateSync(oldBytes));
      throw error;
    }
    this.#numBytes += bytes.length;
  }
}

/** What an attempt gives that may fail: it is about what else could be done for a user who gets an error anyway. */
function orUndefined<T>(attempt: () => T): T | undefined {
  try {
    return attempt();
  } catch {
    return undefined;
  }
}

/** What a file has, and how many bytes that is; nothing if it has no line yet, or of its first one only a part. */
function readLines(
  bytes: Uint8Array,
  path: string,
  header: OutputHeader,
  items: readonly TaskItem[],
): { results: ItemResult[]; numBytes: number } | undefined {
  const numBytes = bytes.lastIndexOf(NEWLINE) + 1;
  const isCutHeader = numBytes === 0 &&
    jsonText(header).startsWith(new TextDecoder().decode(bytes));
  if (isCutHeader) return undefined;
  const [first = "", ...lines] = new TextDecoder().decode(bytes.subarray(0, numBytes)).split("\n");
  const found = parse(first);
  for (const [name, wanted] of Object.entries(header)) {
    const value = Object.hasOwn(found ?? {}, name) ? found![name] : undefined;
    if (value === wanted) continue;
    const what = name === "questions" ? "other questions" : `another ${name}`;
    const problem = typeof value === "string"
      ? `has the results of ${what}: received ${describe(value)}, and now ${describe(wanted)}`
      : `is no file with results of evaluate: received ${describe(first)} as its first line`;
    throw new UsageError(`${quotePath(path)} ${problem}. ${OTHER_PLACE}`);
  }
  const results = lines.slice(0, -1).map((line, index) => {
    const result = parse(line);
    const item = items.at(index);
    if (item !== undefined && isResultOf(item, header.task, result)) return result;
    const problem = item === undefined
      ? `there are only ${items.length} questions`
      : `it is not the result of the question of line ${item.line}`;
    throw new FileFormatError(
      `Cannot read line ${index + 2} of ${quotePath(path)}: ${problem}: received ${
        describe(line)
      }. ${OTHER_PLACE}`,
      { path },
    );
  });
  return { results, numBytes };
}

function requireRegularFile(path: string): void {
  try {
    openRegularFile(path)[Symbol.dispose]();
  } catch (error) {
    throw readError(path, error);
  }
}

/** Whether no other process has the file; also where the file system has no locks. */
function hasLock(file: Deno.FsFile): boolean {
  try {
    return file.tryLockSync(true);
  } catch {
    return true;
  }
}

/** Whether a line has all that is measured, of this question: a damaged one would be counted as an answer. */
function isResultOf(
  item: TaskItem,
  task: TaskName,
  value: Record<string, unknown> | undefined,
): value is ItemResult & typeof value {
  const { line, answer, logProbabilities, areGreedy, isCorrect } = value ?? {};
  const numScores = item.contexts.length * item.continuations.length;
  const isListOf = (type: string, list: unknown) =>
    Array.isArray(list) && list.length === numScores && list.every((each) => typeof each === type);
  const measures = isCorrect as Record<string, unknown> | null | undefined;
  return line === item.line && answer === item.answer &&
    isListOf("number", logProbabilities) && isListOf("boolean", areGreedy) &&
    tasks[task].metrics.every((name) =>
      name === "perplexity" || typeof measures?.[name] === "boolean"
    );
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(line);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Sums that are computed again differ by less, whatever else is computed at the same time. */
const TOLERANCE = 1e-3;

/**
 * Checks that a question has the result that it had before.
 *
 * @throws {UsageError} if not: another model has answered it
 */
export function requireSameResult(before: ItemResult, now: ItemResult): void {
  const isSame = before.logProbabilities.length === now.logProbabilities.length &&
    now.logProbabilities.every((sum, i) =>
      Math.abs(sum - before.logProbabilities[i]) <= TOLERANCE * Math.max(1, Math.abs(sum))
    );
  if (isSame) return;
  throw new UsageError(
    `The file of --jsonl has the results of another model: the question of line ${now.line} had the log-probabilities ${
      describe(before.logProbabilities)
    }, and now has ${describe(now.logProbabilities)}. ${OTHER_PLACE}`,
  );
}
