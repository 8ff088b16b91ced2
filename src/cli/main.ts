/**
 * The command line: `run()` for a process, `main()` for everything else, such as a test.
 *
 * @module
 */
import denoConfig from "../../deno.json" with { type: "json" };
import { quote } from "../base/describe.ts";
import { closestName } from "../base/closest_name.ts";
import type { Command } from "./command.ts";
import { writeError } from "./terminal/error_text.ts";
import { exitCodeOf, exitCodes } from "./exit_code.ts";
import type { Flags } from "./arguments/flags.ts";
import { commandHelp, programHelp, programName } from "./help.ts";
import { type Io, OutputClosedError } from "./terminal/io.ts";
import { parseArguments } from "./arguments/parse_arguments.ts";
import { systemIo } from "./terminal/system_io.ts";
import { UsageError } from "./arguments/usage_error.ts";

/** The commands by name; each is loaded when it is called. */
const commands: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ["generate", async () => (await import("./generate_command.ts")).generateCommand],
  ["convert", async () => (await import("./convert_command.ts")).convertCommand],
  ["quantize", async () => (await import("./quantize_command.ts")).quantizeCommand],
  ["tokenize", async () => (await import("./tokenize_command.ts")).tokenizeCommand],
  ["info", async () => (await import("./info_command.ts")).infoCommand],
  ["models", async () => (await import("./models_command.ts")).modelsCommand],
  ["bench", async () => (await import("./bench_command.ts")).benchCommand],
  ["uninstall", async () => (await import("./uninstall_command.ts")).uninstallCommand],
  ["doctor", async () => (await import("./doctor_command.ts")).doctorCommand],
]);

/** The one that runs if none is named. */
const DEFAULT_COMMAND = "generate";

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
  try {
    io.signal.throwIfAborted();
    if (args[0] === "help" || flagArgs.includes("--help") || flagArgs.includes("-h")) {
      const topic = args[0] === "help" ? args[1] : isNamed ? name : undefined;
      await io.stdout.write(
        topic === undefined
          ? programHelp(await Promise.all(commands.values().map((load) => load())), globalFlags)
          : commandHelp(await loadCommand(topic), globalFlags),
      );
    } else if (flagArgs.includes("--version")) {
      await io.stdout.write(`${denoConfig.version}\n`);
    } else {
      await runCommand(await loadCommand(name), isNamed ? args.slice(1) : args, io);
    }
    return exitCodes.ok;
  } catch (error) {
    if (!(error instanceof OutputClosedError)) {
      await writeError(error, io.stderr, {
        isDebug: flagArgs.includes("--debug"),
        helpCommand: `${programName()} ${args[0] === "help" ? "" : `${name} `}--help`,
      }).catch(() => {}); // There is nobody left to tell.
    }
    return exitCodeOf(error);
  }
}

async function loadCommand(name: string): Promise<Command> {
  const load = commands.get(name);
  if (load !== undefined) return await load();
  const names = [...commands.keys()];
  const closest = closestName(name, names);
  throw new UsageError(
    `There is no such command: received ${quote(name)}. ` +
      (closest ? `Did you mean ${closest}?` : `The commands are ${names.join(", ")}.`),
  );
}

async function runCommand(command: Command, args: readonly string[], io: Io): Promise<void> {
  const input = parseArguments({ ...command.flags, ...globalFlags }, args);
  checkOperands(command, input.operands);
  await command.run(input, io);
}

function checkOperands(command: Command, given: readonly string[]): void {
  const { usage, min, max, advice } = command.operands;
  if (given.length >= min && given.length <= max) return;
  // A prompt needs no command before it, so a misspelt command looks like one.
  const closest = given.length > 1 ? closestName(given[0], [...commands.keys()]) : undefined;
  throw new UsageError(
    `${command.name} takes ${usage}: received ${
      given.length === 0 ? "nothing" : given.slice(0, 5).map(quote).join(" ")
    }` +
      `${given.length > 5 ? " ..." : ""}. ` +
      (command.name === DEFAULT_COMMAND && closest
        ? `Did you mean the command ${closest}?`
        : advice ?? ""),
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
 * The first Ctrl-C lets the command clean up, the second one ends the process at once.
 */
export async function run(args: readonly string[]): Promise<never> {
  const interruption = new AbortController();
  let interruptedCode: number | undefined;
  for (const [signal, code] of endSignals) {
    const onSignal = () => {
      Deno.removeSignalListener(signal, onSignal);
      interruptedCode ??= code;
      interruption.abort();
    };
    Deno.addSignalListener(signal, onSignal);
  }
  const exitCode = await main(args, systemIo(interruption.signal));
  Deno.exit(exitCode === exitCodes.interrupted ? interruptedCode : exitCode);
}
