/**
 * Arguments in, typed values out, strictly: whatever the table of flags does not describe is an error that says what
 * to type instead.
 *
 * `parseArgs()` of `@std/cli` would not do: it reads `--no-repeat-ngram-size=3` as `repeat-ngram-size`, takes `-0.5`
 * after a flag for another flag, a missing value for an empty one, and the word `true` after a switch for its value.
 *
 * @module
 */
import { quote } from "../../base/describe.ts";
import { closestName } from "../../base/closest_name.ts";
import {
  type Flag,
  type Flags,
  flagText,
  type FlagValues,
  type NumberFlag,
  valueText,
} from "./flags.ts";
import { peerAdvice, peerName, peerValueAdvice } from "./peer_flags.ts";
import { UsageError } from "./usage_error.ts";

/** What was on the command line. */
export interface ParsedArguments<F extends Flags> {
  /** The values of the flags, given or by default. */
  readonly values: FlagValues<F>;
  /** The names of the flags that were given, whatever their values. */
  readonly given: ReadonlySet<string>;
  /** The arguments that are neither flags nor their values, in order. */
  readonly operands: readonly string[];
}

/**
 * Parses the arguments of a command. `--` ends the flags; what follows is operands, whatever it looks like.
 *
 * @param foreignFlags what to say of flags that only other programs have, by names as {@linkcode peerName} gives them
 * @throws {UsageError} for an unknown flag, a missing or superfluous value, or a value that is not what the flag takes
 */
export function parseArguments<F extends Flags>(
  flags: F,
  args: readonly string[],
  foreignFlags: Readonly<Record<string, string>> = {},
): ParsedArguments<F> {
  const values: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(flags)) values[name] = initialValue(flag);
  const given = new Set<string>();
  const operands: string[] = [];
  const rest = [...args];
  while (rest.length > 0) {
    const arg = rest.shift()!;
    if (arg === "--") {
      for (const operand of rest) operands.push(operand);
      break;
    }
    if (!arg.startsWith("-") || arg === "-") {
      operands.push(arg);
      continue;
    }
    const [typed, attached] = splitFlag(flags, arg);
    const name = findFlag(flags, typed, foreignFlags);
    const flag = flags[name];
    given.add(name);
    if (flag.kind === "switch") {
      if (attached !== undefined) {
        throw new UsageError(`${typed} takes no value: received ${quote(attached)}.`);
      }
      values[name] = true;
      continue;
    }
    const text = attached ?? (isValue(flags, rest[0]) ? rest.shift()! : undefined);
    if (text === undefined) {
      throw new UsageError(
        `${typed} needs a value: received ${rest.length === 0 ? "nothing" : rest[0]}. ` +
          `Write ${typed} ${valueText(flag)}.`,
      );
    }
    if (flag.kind === "textList") (values[name] as string[]).push(text);
    else values[name] = parseValue(flag, typed, text, flags);
  }
  return { values: values as FlagValues<F>, given, operands };
}

/**
 * The integer that a text states in decimal digits, and nothing else.
 *
 * @returns `undefined` if it does not, or the number is not exact in a `number`
 */
export function parseInteger(text: string): number | undefined {
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : NaN;
  // Adding 0 makes 0 of -0.
  return Number.isSafeInteger(value) ? value + 0 : undefined;
}

/** The number that a text states in decimal digits, with a fraction and an exponent or without, or `undefined`. */
export function parseDecimal(text: string): number | undefined {
  const value = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN;
  return Number.isFinite(value) ? value + 0 : undefined;
}

/**
 * The error for a word that is none of those that a flag takes.
 *
 * @param advice what to do. Default: to take the one that is like it, if there is one
 */
export function choiceError(
  typed: string,
  choices: readonly string[],
  text: string,
  advice?: string,
): UsageError {
  const closest = closestName(text, choices);
  const next = advice ?? (closest === undefined ? undefined : `Did you mean ${closest}?`);
  return new UsageError(
    `${typed} must be one of ${choices.join(", ")}: received ${quote(text)}.` +
      (next === undefined ? "" : ` ${next}`),
  );
}

function initialValue(flag: Flag): unknown {
  if (flag.kind === "switch") return false;
  if (flag.kind === "textList") return [];
  return flag.default;
}

function splitAtEquals(arg: string): [typed: string, attached: string | undefined] {
  const index = arg.indexOf("=");
  return index === -1 ? [arg, undefined] : [arg.slice(0, index), arg.slice(index + 1)];
}

/** A flag, and the value that is written to it: `--size=3`, `-n=3` or `-n3`. */
function splitFlag(flags: Flags, arg: string): [typed: string, attached: string | undefined] {
  const [typed, attached] = splitAtEquals(arg);
  // -model is a flag with a dash too few, and no model called odel.
  const isName = nameOf(flags, typed) !== undefined || nameOf(flags, `-${typed}`) !== undefined;
  // Nor are -ngl and -np anything but what llama.cpp has.
  const isPeerName = typed.length > 2 && peerAdvice(typed, flags) !== undefined;
  if (isName || isPeerName || arg.startsWith("--")) return [typed, attached];
  const letter = nameOf(flags, arg.slice(0, 2));
  const takesValue = letter !== undefined && flags[letter].kind !== "switch";
  return takesValue ? [arg.slice(0, 2), arg.slice(2)] : [typed, attached];
}

/** The name in the table of a flag as typed, long or short. */
function findFlag(
  flags: Flags,
  typed: string,
  foreignFlags: Readonly<Record<string, string>>,
): string {
  const name = nameOf(flags, typed);
  if (name !== undefined) return name;
  const closest = closestName(typed, Object.keys(flags));
  const peer = peerName(typed);
  const advice = Object.hasOwn(foreignFlags, peer)
    ? foreignFlags[peer]
    : peerAdvice(typed, flags) ??
      (closest === undefined
        ? `If it is text and no flag, write -- before it.`
        : `Did you mean ${flagText(closest)}?`);
  throw new UsageError(`There is no such flag: received ${quote(typed)}. ${advice}`);
}

function nameOf(flags: Flags, typed: string): string | undefined {
  return Object.keys(flags).find((name) =>
    typed === flagText(name) ||
    (flags[name].short !== undefined && typed === `-${flags[name].short}`)
  );
}

/** Whether an argument can be the value of the flag before it: -0.5 and -x can, a flag of this command cannot. */
function isValue(flags: Flags, arg: string | undefined): boolean {
  return arg !== undefined && arg !== "--" && nameOf(flags, splitAtEquals(arg)[0]) === undefined;
}

function parseValue(
  flag: Flag,
  typed: string,
  text: string,
  flags: Flags,
): string | number {
  switch (flag.kind) {
    case "integer":
    case "decimal":
      return parseNumber(flag, typed, text);
    case "choice":
      if (flag.choices.includes(text.toLowerCase())) return text.toLowerCase();
      throw choiceError(typed, flag.choices, text, peerValueAdvice(typed, text, flags));
    default:
      if (text !== "") return text;
      throw new UsageError(`${typed} needs a value: received "".`);
  }
}

function parseNumber(flag: NumberFlag, typed: string, text: string): number {
  const value = flag.kind === "integer" ? parseInteger(text) : parseDecimal(text);
  const { min = -Infinity, above = -Infinity, max = Infinity } = flag;
  if (value === undefined || value < min || value > max || value <= above) {
    throw new UsageError(`${typed} must be ${rangeText(flag)}: received ${quote(text)}.`);
  }
  return value;
}

/** The numbers that a flag takes, in words. */
function rangeText({ kind, min, above, max, limit }: NumberFlag): string {
  const noun = kind === "integer" ? "a whole number" : "a number";
  const example = kind === "integer" ? " in digits" : " such as 0.8";
  if (above !== undefined) {
    return `${noun} above ${above}` + (max === undefined ? "" : ` and at most ${max}`);
  }
  if (min !== undefined && max !== undefined) {
    return `${noun} from ${min} to ${max}` + (limit === undefined ? "" : `, ${limit}`);
  }
  return noun + (min === undefined ? example : ` of at least ${min}`);
}
