/**
 * Prose in lines that fit.
 *
 * @module
 */
import { textWidth } from "./text_width.ts";

/** What stays in one line: also what is quoted, so that what somebody else has written never begins a line. */
const WORD = /(?:"(?:\\.|[^"\\])*"|\S)+/g;
const QUOTED = /"(?:\\.|[^"\\])*"/g;
/** All columns of a table's row but the last: several spaces part them, which are no part of what is quoted. */
const COLUMNS = /^.*\S {2,}(?=\S)|^ */;

/** How far to the right of its beginning a row goes on, where there is no room below its last column. */
const ROW_INDENT = 2;

/** How a text is broken into lines. */
export interface WrapOptions {
  /** What the lines that are added begin with. Default: they begin where the last column of the line does. */
  readonly indent?: string;
  /** Where the first line begins. */
  readonly column?: number;
}

/**
 * Breaks lines that take more than so many columns, between words. What has no space in it stays whole, however long it is:
 * a path, an address.
 */
export function wrapText(
  text: string,
  width: number,
  { indent, column = 0 }: WrapOptions = {},
): string {
  return text.split("\n").map((line, i) => {
    const begin = i === 0 ? column : 0;
    const isBegun = begin > 0;
    return wrapLine(
      line,
      width,
      indent ?? " ".repeat(isBegun ? 0 : lastColumn(line, width)),
      begin,
    );
  }).join("\n");
}

/** Where what does not fit goes on: where the last column of a table's row begins; that of prose is its first. */
function lastColumn(line: string, width: number): number {
  const column = textWidth(columnsOf(line));
  const first = line.search(/\S|$/);
  // So far to the right there is no room for words; yet what goes on is to be seen as no row of its own.
  return column <= width / 2 ? column : first + ROW_INDENT;
}

function columnsOf(line: string): string {
  const unquoted = line.replace(QUOTED, ({ length }) => '"'.repeat(length));
  return line.slice(0, unquoted.match(COLUMNS)![0].length);
}

function wrapLine(line: string, width: number, indent: string, column: number): string {
  if (column + textWidth(line) <= width) return line;
  let wrapped = columnsOf(line);
  let end = column + textWidth(wrapped);
  // No line could be seen to belong to another one.
  if (end >= width) return line;
  for (const [i, word] of (line.slice(wrapped.length).match(WORD) ?? []).entries()) {
    const space = i === 0 ? "" : " ";
    const wordWidth = textWidth(space + word);
    if (end + wordWidth <= width || (i === 0 && end === indent.length)) {
      wrapped += space + word;
      end += wordWidth;
    } else {
      wrapped = `${wrapped.trimEnd()}\n${indent}${word}`;
      end = indent.length + textWidth(word);
    }
  }
  return wrapped;
}
