/**
 * The command line: `run()` for a process, `main()` for everything else, such as a test.
 *
 * @module
 */
import denoConfig from "../../deno.json" with { type: "json" };
import { closestName } from "../base/closest_name.ts";
import { quote } from "../base/describe.ts";
import { InvalidArgumentError, NumericalError } from "../base/errors.ts";
import type { Command, CommandInput } from "./command.ts";
import {
  closestCommand,
  commands,
  DEFAULT_COMMAND,
  loadCommand,
  noteOnPrompt,
} from "./commands.ts";
import { writeError } from "./terminal/error_text.ts";
import { exitCodeOf, exitCodes } from "./exit_code.ts";
import type { Flags } from "./arguments/flags.ts";
import { programName } from "../base/program_name.ts";
import { commandHelp, programHelp, shortHelp } from "./help.ts";
import { type Io, OutputClosedError } from "./terminal/io.ts";
import { nameFlags } from "./arguments/name_flags.ts";
import { parseArguments } from "./arguments/parse_arguments.ts";
import { systemIo } from "./terminal/system_io.ts";
import { UsageError } from "./arguments/usage_error.ts";

const GENERAL = "General";

const globalFlags: Flags = {
  help: { group: GENERAL, kind: "switch", short: "h", help: "Show this text." },
  version: { group: GENERAL, kind: "switch", help: "Show the version." },
  debug: { group: GENERAL, kind: "switch", help: "Show where an error comes from." },
};

/**
 * Runs the command line.
 *
 * @param args what was typed after the program's name
 * @returns the exit code
 */
export async function main(args: readonly string[], io: Io): Promise<number> {
  const isNamed = commands.has(args[0]);
  const name = isNamed ? args[0] : DEFAULT_COMMAND;
  const flagArgs = args.slice(0, args.includes("--") ? args.indexOf("--") : undefined);
  const { numColumns } = io.stdout;
  try {
    io.signal.throwIfAborted();
    if (args[0] === "help" || flagArgs.includes("--help") || flagArgs.includes("-h")) {
      const topic = args[0] === "help" ? args[1] : isNamed ? name : undefined;
      await io.stdout.write(
        topic === undefined
          ? programHelp(
            await Promise.all(commands.values().map((load) => load())),
            globalFlags,
            numColumns,
          )
          : commandHelp(await loadCommand(topic), globalFlags, numColumns),
      );
    } else if (args.length === 0 && io.stdin.isTerminal) {
      await io.stdout.write(shortHelp(numColumns));
    } else if (flagArgs.includes("--version")) {
      await io.stdout.write(`${denoConfig.version}\n`);
    } else {
      const command = await loadCommand(name);
      if (isNamed) await runCommand(command, parse(command, args.slice(1)), io);
      else await continueText(command, args, io);
    }
    return exitCodes.ok;
  } catch (error) {
    if (!(error instanceof OutputClosedError)) {
      await writeError(error, io.stderr, {
        isDebug: flagArgs.includes("--debug"),
        helpCommand: `${programName()} ${
          args[0] === "help" ? "" : `${topicOf(error, name)} `
        }--help`,
      }).catch(() => {}); // There is nobody left to tell.
    }
    return exitCodeOf(error);
  }
}

/** The command whose help says more about an error. */
function topicOf(error: unknown, called: string): string {
  return error instanceof UsageError ? error.command ?? called : called;
}

function flagsOf(command: Command): Flags {
  return { ...command.flags, ...globalFlags };
}

function parse(command: Command, args: readonly string[]): CommandInput<Flags> {
  const input = parseArguments(flagsOf(command), args, command.foreignFlags);
  checkOperands(command, input.operands);
  return { ...input, isDebug: input.values.debug === true };
}

async function runCommand(command: Command, input: CommandInput<Flags>, io: Io): Promise<void> {
  const flags = flagsOf(command);
  try {
    await command.run(input, io);
  } catch (error) {
    if (error instanceof InvalidArgumentError) {
      throw new UsageError(nameFlags(error.message, flags), { cause: error });
    }
    if (error instanceof NumericalError) {
      throw new NumericalError(nameFlags(error.message, flags), { cause: error });
    }
    throw error;
  }
}

/** Runs the command that needs not be named. A word that looks like another command is a prompt too, but rarely meant. */
async function continueText(command: Command, args: readonly string[], io: Io): Promise<void> {
  const input = parseText(command, args);
  const { values, operands: [prompt, ...others] } = input;
  const note = prompt === undefined || others.length > 0 || values.quiet
    ? undefined
    : noteOnPrompt(prompt);
  if (note !== undefined) await io.stderr.write(`${note}\n`);
  await runCommand(command, input, io);
}

/** Whoever misspells a command writes its flags behind it, which the one that needs not be named may not have. */
function parseText(command: Command, args: readonly string[]): CommandInput<Flags> {
  try {
    return parse(command, args);
  } catch (error) {
    const meant = closestCommand(args[0] ?? "");
    const isKnown = meant === undefined || meant === command.name;
    if (!(error instanceof UsageError) || error.command !== undefined || isKnown) throw error;
    throw new UsageError(`${error.message} Or did you mean the command ${meant}?`, {
      command: meant,
      cause: error,
    });
  }
}

function checkOperands(command: Command, given: readonly string[]): void {
  const { usage, min, max, advice } = command.operands;
  if (given.length >= min && given.length <= max) return;
  // A prompt needs no command before it, so a misspelt command looks like one.
  const meant = command.name !== DEFAULT_COMMAND
    ? undefined
    : given.length === 2
    ? closestCommand(given[0])
    : closestName(given[0] ?? "", [...commands.keys()]);
  throw new UsageError(
    `${command.name} takes ${max === 0 ? "no arguments" : usage}: received ${
      given.length === 0 ? "nothing" : given.slice(0, 5).map(quote).join(" ")
    }` +
      `${given.length > 5 ? " ..." : ""}. ` +
      (meant === undefined ? advice ?? "" : `Did you mean the command ${meant}?`),
    { command: meant },
  );
}

/** Signals that ask a program to end, with the exit codes a shell expects then. */
const endSignals: ReadonlyMap<Deno.Signal, number> = new Map(
  Deno.build.os === "windows"
    ? [["SIGINT", 130]]
    : [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]],
);

/**
 * Runs the command line in this process, and ends it.
 *
 * The first Ctrl-C, or another signal to end, lets the command clean up; the second one, whichever it is, ends the process
 * at once.
 */
export async function run(args: readonly string[]): Promise<never> {
  const interruption = new AbortController();
  let interruptedCode: number | undefined;
  const listeners = Array.from(endSignals, ([signal, code]) => {
    const onSignal = () => {
      for (const { signal, onSignal } of listeners) Deno.removeSignalListener(signal, onSignal);
      interruptedCode ??= code;
      interruption.abort();
    };
    return { signal, onSignal };
  });
  for (const { signal, onSignal } of listeners) Deno.addSignalListener(signal, onSignal);
  // Where files may not become so large, the system would end the process in the middle of its work; so it gets an error.
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGXFSZ", () => {});
  const exitCode = await main(args, systemIo(interruption.signal));
  Deno.exit(exitCode === exitCodes.interrupted ? interruptedCode : exitCode);
}
