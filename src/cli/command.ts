/**
 * What a command is.
 *
 * @module
 */
import type { Flags, FlagValues } from "./arguments/flags.ts";
import type { Io } from "./terminal/io.ts";

/** A command: how it is called, what the help says about it, and what it does. */
export interface Command<F extends Flags = Flags> {
  /** The word that calls it. */
  readonly name: string;
  /** What it does, in one line. */
  readonly summary: string;
  /** What else there is to know, for its own help. */
  readonly details?: string;
  /** The arguments beside flags. */
  readonly operands: Operands;
  readonly flags: F;
  /** What to say of flags that other programs have for this, by their names as in `peer_flags.ts`: `num-fewshot`. */
  readonly foreignFlags?: Readonly<Record<string, string>>;
  /** What to type, without the program's name, and what that does. */
  readonly examples: readonly (readonly [args: string, meaning: string])[];
  /** Runs it. Whatever goes wrong is thrown. */
  run(input: CommandInput<F>, io: Io): Promise<void>;
}

/** The arguments that a command takes beside its flags. */
export interface Operands {
  /** As the help shows them: `<model> <out.gguf>`. */
  readonly usage: string;
  readonly min: number;
  readonly max: number;
  /** What to do if there are fewer or more. */
  readonly advice?: string;
}

/** What a command works on. */
export interface CommandInput<F extends Flags> {
  readonly values: FlagValues<F>;
  /** The names of the flags that were given, also those with their defaults. */
  readonly given: ReadonlySet<string>;
  readonly operands: readonly string[];
  /** Whether to show where errors come from: `--debug`. */
  readonly isDebug: boolean;
}

/** Takes a command whose flags are typed, and gives it as one among others. */
export function defineCommand<const F extends Flags>(command: Command<F>): Command {
  return command;
}
