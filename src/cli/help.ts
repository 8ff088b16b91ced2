/**
 * The help texts, written from the tables that the arguments are parsed with.
 *
 * @module
 */
import { programName } from "../base/program_name.ts";
import type { Command } from "./command.ts";
import { type Flag, type Flags, flagText } from "./arguments/flags.ts";

const TITLE = "GPT-2: continue texts, convert and quantize models, look inside.";
const WIDTH = 80;
/** Where the explanations of flags and commands begin. */
const INDENT = 31;

/** What somebody reads who wrote nothing but the program's name. */
export function shortHelp(): string {
  return [
    `${TITLE}\n`,
    examples([
      ['"ROMEO:" --model demo', "Write like Shakespeare, with a model that needs no download"],
      ['"Once upon a time"', "Continue a text with GPT-2; says first what it has to download"],
      ["--help", "Show all commands and options"],
    ]),
  ].join("\n");
}

/** The help of the whole program. */
export function programHelp(commands: readonly Command[], globalFlags: Flags): string {
  const program = programName();
  const [first] = commands;
  return [
    `${TITLE}\n`,
    `Usage: ${program} [${first.name}] ${first.operands.usage} [options]`,
    `       ${program} <command> ...\n`,
    section(
      "Commands",
      commands.map(({ name, summary }, index) => [
        name,
        summary + (index === 0 ? " This is the default." : ""),
      ]),
    ),
    section("Options", flagRows(globalFlags)),
    examples(commands.flatMap(({ examples }) => examples.slice(0, 1))),
    `${program} <command> --help shows the options of a command.\n`,
  ].join("\n");
}

/** The help of a command. */
export function commandHelp(command: Command, globalFlags: Flags): string {
  const { name, summary, details, operands } = command;
  const flags: Flags = { ...command.flags, ...globalFlags };
  const groups = Map.groupBy(Object.entries(flags), ([, flag]) => flag.group ?? "Options");
  return [
    summary + "\n",
    ...(details === undefined ? [] : [wrap(details, 0) + "\n"]),
    `Usage: ${[programName(), name, operands.usage, "[options]"].filter(Boolean).join(" ")}\n`,
    ...Array.from(
      groups,
      ([title, entries]) => section(title, flagRows(Object.fromEntries(entries))),
    ),
    examples(command.examples),
  ].join("\n");
}

type Row = readonly [left: string, right: string];

function flagRows(flags: Flags): Row[] {
  return Object.entries(flags).map(([name, flag]) => {
    const short = flag.short === undefined ? "" : `-${flag.short}, `;
    const value = flag.kind === "switch" ? "" : ` <${flag.valueName}>`;
    return [`${short}${flagText(name)}${value}`, flag.help + suffix(flag)];
  });
}

function suffix(flag: Flag): string {
  if (flag.kind === "textList") return " Can be repeated.";
  if (flag.kind === "switch" || flag.default === undefined) return "";
  return ` Default: ${flag.default}.`;
}

function section(title: string, rows: readonly Row[]): string {
  const lines = rows.map(([left, right]) => {
    const start = `  ${left}`;
    const fits = start.length + 2 <= INDENT;
    const gap = fits ? " ".repeat(INDENT - start.length) : "\n" + " ".repeat(INDENT);
    return start + gap + wrap(right, INDENT);
  });
  return `${title}:\n${lines.join("\n")}\n`;
}

function examples(examples: Command["examples"]): string {
  const lines = examples.map(([args, meaning]) => `  # ${meaning}\n  ${programName()} ${args}`);
  return `Examples:\n${lines.join("\n")}\n`;
}

/** Breaks a text into lines, all but the first of which are indented. */
function wrap(text: string, indent: number): string {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1)!;
    if (line === "") lines[lines.length - 1] = word;
    else if (indent + line.length + 1 + word.length <= WIDTH) lines[lines.length - 1] += ` ${word}`;
    else lines.push(word);
  }
  return lines.join("\n" + " ".repeat(indent));
}
