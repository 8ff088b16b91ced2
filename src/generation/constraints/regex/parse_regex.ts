/**
 * The syntax of regular expressions.
 *
 * @module
 */
import { quote } from "../../../base/describe.ts";
import type { Pattern } from "./regex_syntax.ts";

/**
 * Where the parser comes from. Deno fetches whatever is named in an import itself, used or not; named here, it is fetched
 * when a regular expression is first given.
 */
const PARSER: string = "npm:@eslint-community/regexpp@4.12.2";

/** What is used of the parser. */
interface RegExpParser {
  parsePattern(
    source: string,
    start: number,
    end: number,
    flags: { unicode: boolean; unicodeSets: boolean },
  ): Pattern;
}

/** A regular expression, parsed. */
export interface ParsedRegex {
  readonly pattern: Pattern;
  /** Those of its flags that say which characters are meant: `u` or `v`, and perhaps `i`. */
  readonly flags: string;
  /** Whether `.` is a line break, too. */
  readonly dotAll: boolean;
}

/**
 * Parses a regular expression. A text, and a `RegExp` with neither of them, is read with the flag `u`: a character is then
 * a character, and not half of one.
 *
 * @param name what it was given as, for error messages
 * @throws {SyntaxError} if it is none
 */
export async function parseRegex(name: string, regex: string | RegExp): Promise<ParsedRegex> {
  const parser = await loadParser(name);
  const { source, flags } = typeof regex === "string" ? { source: regex, flags: "" } : regex;
  const unicodeSets = flags.includes("v");
  let pattern: Pattern;
  try {
    pattern = parser.parsePattern(source, 0, source.length, {
      unicode: !unicodeSets,
      unicodeSets,
    });
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new SyntaxError(
      `Cannot generate: ${name} is not a regular expression: received ${quote(source)}. ` +
        `As JavaScript reads it with the flag ${unicodeSets ? "v" : "u"}: ${reasonOf(error)}.`,
      { cause: error },
    );
  }
  return {
    pattern,
    flags: (unicodeSets ? "v" : "u") + (flags.includes("i") ? "i" : ""),
    dotAll: flags.includes("s"),
  };
}

/** Without the regular expression, which is there already, in quotes. */
function reasonOf(error: SyntaxError): string {
  const [, reason] = /^Invalid regular expression: \/.*\/\w*: ([^/]*)$/s.exec(error.message) ?? [];
  return reason ?? "it does not parse";
}

async function loadParser(name: string): Promise<RegExpParser> {
  let parser: { RegExpParser: new () => RegExpParser };
  try {
    parser = await import(PARSER);
  } catch (error) {
    const advice = Deno.build.standalone
      ? "A standalone program does not have it: ask for choices, or a JSON Schema without pattern and format."
      : `Fetch it with "deno cache ${PARSER}", or in a folder with a package.json with "deno add ${PARSER}".`;
    throw new Error(
      `Cannot generate: ${name} needs a parser that could not be loaded: received ` +
        `${quote((error as Error).message)}. ${advice}`,
      { cause: error },
    );
  }
  return new parser.RegExpParser();
}
