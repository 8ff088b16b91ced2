/**
 * The help texts, written from the tables that the arguments are parsed with.
 *
 * @module
 */
import { programName } from "../base/program_name.ts";
import type { Command } from "./command.ts";
import { type Flag, type Flags, flagText, valueText } from "./arguments/flags.ts";
import { wrapText } from "./terminal/wrap_text.ts";

const TITLE = "GPT-2: continue texts, convert and quantize models, look inside.";
/** Longer lines are hard to read. */
const MAX_WIDTH = 80;
/** Where the explanations of flags begin: beside them, or below where so little of a line would be left. */
const INDENT = 31;
const INDENT_BELOW = 6;
const MIN_ROOM_BESIDE = 41;

/** What somebody reads who wrote nothing but the program's name, in lines of so many characters. */
export function shortHelp(numColumns: number): string {
  const width = widthIn(numColumns);
  return [
    wrapText(TITLE, width) + "\n",
    examples([
      ['"ROMEO:" --model demo', "Write like Shakespeare, with a model that needs no download"],
      ['"Once upon a time"', "Continue a text with GPT-2; says first what it has to download"],
      ["--help", "Show all commands and options"],
    ], width),
  ].join("\n");
}

/** The help of the whole program, in lines of so many characters. */
export function programHelp(
  commands: readonly Command[],
  globalFlags: Flags,
  numColumns: number,
): string {
  const width = widthIn(numColumns);
  const program = programName();
  const [first] = commands;
  return [
    wrapText(TITLE, width) + "\n",
    `Usage: ${program} [${first.name}] ${first.operands.usage} [options]`,
    `       ${program} <command> ...\n`,
    section(
      "Commands",
      commands.map(({ name, summary }, index) => [
        name,
        summary + (index === 0 ? " This is the default." : ""),
      ]),
      width,
      Math.max(...commands.map(({ name }) => name.length)) + "    ".length,
    ),
    section("Options", flagRows(globalFlags), width),
    examples(commands.flatMap(({ examples }) => examples.slice(0, 1)), width),
    wrapText(`${program} <command> --help shows the options of a command.`, width) + "\n",
  ].join("\n");
}

/** The help of a command, in lines of so many characters. */
export function commandHelp(command: Command, globalFlags: Flags, numColumns: number): string {
  const width = widthIn(numColumns);
  const { name, summary, details, operands } = command;
  const flags: Flags = { ...command.flags, ...globalFlags };
  const groups = Map.groupBy(Object.entries(flags), ([, flag]) => flag.group ?? "Options");
  return [
    wrapText(summary, width) + "\n",
    ...(details === undefined ? [] : [wrapText(details, width) + "\n"]),
    `Usage: ${[programName(), name, operands.usage, "[options]"].filter(Boolean).join(" ")}\n`,
    ...Array.from(
      groups,
      ([title, entries]) => section(title, flagRows(Object.fromEntries(entries)), width),
    ),
    examples(command.examples, width),
  ].join("\n");
}

/** The last column stays free: some terminals begin a new line there. */
function widthIn(numColumns: number): number {
  return Math.min(numColumns - 1, MAX_WIDTH);
}

type Row = readonly [left: string, right: string];

function flagRows(flags: Flags): Row[] {
  return Object.entries(flags).map(([name, flag]) => {
    const short = flag.short === undefined ? "" : `-${flag.short}, `;
    const value = flag.kind === "switch" ? "" : ` ${valueText(flag)}`;
    return [`${short}${flagText(name)}${value}`, flag.help + suffix(flag)];
  });
}

function suffix(flag: Flag): string {
  if (flag.kind === "textList") return " Can be repeated.";
  if (flag.kind === "switch" || flag.default === undefined) return "";
  return ` Default: ${flag.default}.`;
}

function section(
  title: string,
  rows: readonly Row[],
  width: number,
  indentBeside = INDENT,
): string {
  const isBeside = width >= indentBeside + MIN_ROOM_BESIDE;
  const indent = " ".repeat(isBeside ? indentBeside : INDENT_BELOW);
  const lines = rows.map(([left, right]) => {
    const start = `  ${left}`;
    const fits = isBeside && start.length + 2 <= indentBeside;
    const begin = fits ? start.padEnd(indentBeside) : `${start}\n${indent}`;
    return begin + wrapText(right, width, { indent, column: indent.length });
  });
  return `${wrapText(`${title}:`, width)}\n${lines.join("\n")}\n`;
}

/** What is to be copied stays in one line. */
function examples(examples: Command["examples"], width: number): string {
  const lines = examples.map(([args, meaning]) =>
    `${wrapText(`  # ${meaning}`, width, { indent: "  # " })}\n  ${programName()} ${args}`
  );
  return `Examples:\n${lines.join("\n")}\n`;
}
