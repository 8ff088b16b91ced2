/**
 * Flags as data: one table per command, from which arguments are parsed and the help text is written.
 *
 * @module
 */

interface FlagBase {
  /** What it does, for the help. */
  readonly help: string;
  /** A letter that may stand for the name. */
  readonly short?: string;
  /** The heading under which the help lists it. Default: "Options". */
  readonly group?: string;
}

interface ValueFlagBase<T> extends FlagBase {
  /** What stands for the value in the help. */
  readonly valueName: string;
  /** The value if the flag is not given. */
  readonly default?: T;
}

/** A flag that is there or not. */
export interface SwitchFlag extends FlagBase {
  readonly kind: "switch";
}

/** A flag with a text. */
export interface TextFlag extends ValueFlagBase<string> {
  readonly kind: "text";
}

/** A flag that may be repeated, each time with a text. */
export interface TextListFlag extends FlagBase {
  readonly kind: "textList";
  readonly valueName: string;
}

/** A flag with one of a few words. */
export interface ChoiceFlag extends ValueFlagBase<string> {
  readonly kind: "choice";
  readonly choices: readonly string[];
}

/** A flag with a number, an integer or any, in a range. */
export interface NumberFlag extends ValueFlagBase<number> {
  readonly kind: "integer" | "decimal";
  readonly min?: number;
  /** Like `min`, but the number itself is not in the range. */
  readonly above?: number;
  readonly max?: number;
  /** What `max` is, in words. */
  readonly limit?: string;
}

/** What is known of a flag. */
export type Flag = SwitchFlag | TextFlag | TextListFlag | ChoiceFlag | NumberFlag;

/** The flags of a command by their names in camelCase; on the command line they are in kebab-case. */
export type Flags = Readonly<Record<string, Flag>>;

type GivenValue<F extends Flag> = F extends ChoiceFlag ? F["choices"][number]
  : F extends NumberFlag ? number
  : string;

type FlagValue<F extends Flag> = F extends SwitchFlag ? boolean
  : F extends TextListFlag ? readonly string[]
  : F extends { readonly default: string | number } ? GivenValue<F>
  : GivenValue<F> | undefined;

/** The values that parsing gives: typed as the table says. */
export type FlagValues<F extends Flags> = { readonly [Name in keyof F]: FlagValue<F[Name]> };

/** What is written for the value of a flag: `<count>`, or the only word that there is for it. */
export function valueText(flag: Exclude<Flag, SwitchFlag>): string {
  const [only, ...others] = flag.kind === "choice" ? flag.choices : [];
  return only !== undefined && others.length === 0 ? only : `<${flag.valueName}>`;
}

/** The name of a flag as it is typed: `topK` is `--top-k`. */
export function flagText(name: string): string {
  return "--" + name.replace(/[A-Z]/g, (letter) => "-" + letter.toLowerCase());
}
