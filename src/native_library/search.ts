/**
 * One search for a native library: what was found where, and what became of it.
 *
 * @module
 */
import { certificateAdvice } from "../base/certificate_advice.ts";
import { NativeLibraryError, StorageError } from "../base/errors.ts";
import { shorten } from "../base/shorten.ts";
import { DamagedLibraryError, type LibraryCandidate, pathOf } from "./candidate.ts";
import { LEVEL_VARIABLE } from "./cpu_levels.ts";
import { isLocal, LIBRARY_VARIABLE, type LibraryLocation } from "./locations.ts";

/** What became of a place where a native library may be, or of one that was found there. */
export interface LibraryVerdict {
  /** The place. */
  readonly place: string;
  /** The path of the library, if there was one. */
  readonly path?: string;
  readonly verdict: "used" | "skipped" | "nothing there";
  /** Why it was skipped. */
  readonly problem?: string;
  /** Whether that is because a file of it is missing, or is not the original one. */
  readonly isDamaged?: boolean;
  /** What to do about that. */
  readonly remedy?: string;
}

/** What matters here of where a candidate is. */
type Location = Pick<LibraryLocation, "name" | "isDecisive" | "isRemote">;

// What an error says in all has to fit into 2 KB.
const MAX_LINES = 5;
const MAX_PATH_LENGTH = 90;
const MAX_PROBLEM_LENGTH = 200;

/** Collects verdicts. */
export class LibrarySearch {
  /** In the order in which they were reached. */
  readonly verdicts: LibraryVerdict[] = [];
  #used?: Location;

  /** Notes that a location has nothing. */
  noteNothing({ name }: Location): void {
    if (this.verdicts.some(({ place }) => place === name)) return;
    this.verdicts.push({ place: name, verdict: "nothing there" });
  }

  /** Notes which candidate was opened. */
  noteUsed(location: Location, candidate: LibraryCandidate): void {
    this.#used = location;
    this.verdicts.push({ place: location.name, path: pathOf(candidate), verdict: "used" });
  }

  /** Notes a candidate that is fine, but not for what is to be done. */
  noteUnsuitable({ name: place }: Location, candidate: LibraryCandidate, problem: string): void {
    this.verdicts.push({ place, path: pathOf(candidate), verdict: "skipped", problem });
  }

  /**
   * Notes why a candidate, or all that a location has, is passed over.
   *
   * @throws {NativeLibraryError} if it must not be: the user chose it, or it is for the user to give a permission
   * @throws {StorageError} if it is for the user to make room
   */
  skip(
    { name: place, isDecisive }: Location,
    candidate: LibraryCandidate | undefined,
    error: unknown,
  ): void {
    if (!(error instanceof Error)) throw error;
    const path = candidate && pathOf(candidate);
    const remedy = candidate?.remedy;
    if (error instanceof Deno.errors.NotCapable) {
      const { problem, flag } = describePermission(error);
      this.verdicts.push({ place, path, verdict: "skipped", problem });
      throw libraryError(path, `${problem}. Run with ${flag}.`, error);
    }
    const problem = describeProblem(error);
    const isDamaged = error instanceof DamagedLibraryError || undefined;
    this.verdicts.push({ place, path, verdict: "skipped", problem, remedy, isDamaged });
    if (error instanceof StorageError) throw error;
    if (isDecisive) throw libraryError(path, `${problem}. ${remedy ?? ""}`, error);
  }

  /**
   * What should be put right although a library was found, as sentences: what would have been preferred to it does not
   * work. Of the place of that library itself only what is damaged counts: that its best one does not work on a machine
   * happens. Nothing if it was fetched just now: that was told, and may have put it right.
   */
  get warnings(): string[] {
    const used = this.#used;
    if (used === undefined || used.isRemote) return [];
    const isPreferred = ({ place, remedy, isDamaged }: LibraryVerdict) =>
      remedy !== undefined && (isDamaged || place !== used.name);
    const ofEachPlace = Map.groupBy(this.verdicts.filter(isPreferred), ({ place }) => place);
    return Array.from(
      ofEachPlace.values(),
      ([{ path, problem, remedy }]) =>
        `Passing over the native library ${path}: ${problem}. ${remedy}`,
    );
  }

  /** The error if nothing is left to try. */
  failure(generalAdvice: string): NativeLibraryError {
    // Several libraries of one place often fail for one reason: a file that all of them need is damaged.
    const isFirst = ({ place, problem }: LibraryVerdict, i: number) =>
      this.verdicts.findIndex((other) => other.place === place && other.problem === problem) === i;
    const skipped = this.verdicts.filter((verdict, i) =>
      verdict.verdict === "skipped" && isFirst(verdict, i)
    );
    if (skipped.length === 0) return libraryError(undefined, `there is none. ${generalAdvice}`);
    const advice = skipped.map(({ problem }) => certificateAdvice(problem ?? ""))
      .find((advice) => advice !== undefined) ?? generalAdvice;
    if (skipped.length === 1) {
      const [{ path, problem, remedy = advice }] = skipped;
      return libraryError(path, `${problem}. ${remedy}`);
    }
    const lines = skipped.slice(0, MAX_LINES).map(({ place, path, problem }) => {
      const where = path === undefined ? place : `${place}, ${endOf(path, MAX_PATH_LENGTH)}`;
      return `  ${where}: ${shorten(problem!, MAX_PROBLEM_LENGTH)}`;
    });
    const rest = skipped.length - lines.length;
    if (rest > 0) lines.push(`  and ${rest} more, which \`doctor\` shows`);
    return libraryError(undefined, `none of these can be used:\n${lines.join("\n")}\n${advice}`);
  }
}

/** What to do if there is no library, as a sentence. */
export function adviceWithoutLibrary(): string {
  return isLocal()
    ? "Go online for the first start, or build it with `deno task build`."
    : `Go online for the first start, or set ${LIBRARY_VARIABLE} to a library that \`deno task build\` made in a clone ` +
      "of the repository.";
}

/** What to do if there is none for the level that is asked for, as a sentence. */
export function adviceForLevel(level: string): string {
  const unset = `unset ${LEVEL_VARIABLE}, which asks for a library for ${level} and no other`;
  return isLocal()
    ? `Build one with \`deno task build --level ${level}\`, or ${unset}.`
    : `Go online, or ${unset}.`;
}

function describePermission(error: Error): { problem: string; flag: string } {
  const flag = error.message.match(/--allow-\w+/)?.[0] ?? "--allow-all";
  const problem = flag === "--allow-run"
    ? "Deno was started without --allow-run, and a library that is new here is first tried out in a child process"
    : `Deno was started without ${flag}`;
  return { problem, flag };
}

function libraryError(path: string | undefined, text: string, cause?: Error): NativeLibraryError {
  const which = path === undefined ? "" : ` ${path}`;
  return new NativeLibraryError(`Cannot open the native library${which}: ${text}`, { cause });
}

function describeProblem(error: Error): string {
  const missing = error.message.match(/register symbol (\w+)/)?.[1];
  return missing === undefined
    ? error.message
    : `it is of another version: it has no function ${missing}`;
}

function endOf(text: string, maxLength: number): string {
  return text.length <= maxLength ? text : `...${text.slice(3 - maxLength)}`;
}
