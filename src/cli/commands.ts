/**
 * The commands there are.
 *
 * @module
 */
import { quote } from "../base/describe.ts";
import { closestName } from "../base/closest_name.ts";
import { UsageError } from "./arguments/usage_error.ts";
import { lineText } from "./terminal/terminal_text.ts";
import type { Command } from "./command.ts";

/** The commands by name; each is loaded when it is called. */
export const commands: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ["generate", async () => (await import("./generate_command.ts")).generateCommand],
  ["explain", async () => (await import("./explain_command.ts")).explainCommand],
  ["score", async () => (await import("./score_command.ts")).scoreCommand],
  ["patch", async () => (await import("./patch_command.ts")).patchCommand],
  ["perplexity", async () => (await import("./perplexity_command.ts")).perplexityCommand],
  ["compare", async () => (await import("./compare_command.ts")).compareCommand],
  ["serve", async () => (await import("./serve_command.ts")).serveCommand],
  ["train", async () => (await import("./train_command.ts")).trainCommand],
  ["evaluate", async () => (await import("./evaluate_command.ts")).evaluateCommand],
  ["convert", async () => (await import("./convert_command.ts")).convertCommand],
  ["merge", async () => (await import("./merge_command.ts")).mergeCommand],
  ["quantize", async () => (await import("./quantize_command.ts")).quantizeCommand],
  ["tokenize", async () => (await import("./tokenize_command.ts")).tokenizeCommand],
  ["tokenizer", async () => (await import("./tokenizer_command.ts")).tokenizerCommand],
  ["info", async () => (await import("./info_command.ts")).infoCommand],
  ["models", async () => (await import("./models_command.ts")).modelsCommand],
  ["bench", async () => (await import("./bench_command.ts")).benchCommand],
  ["uninstall", async () => (await import("./uninstall_command.ts")).uninstallCommand],
  ["doctor", async () => (await import("./doctor_command.ts")).doctorCommand],
]);

/** The one that runs if none is named. */
export const DEFAULT_COMMAND = "generate";

/** Words that are commands of programs like this one, with the command that comes closest to them here. */
const FOREIGN_COMMANDS: ReadonlyMap<string, string | undefined> = new Map([
  ["chat", "generate"],
  ["complete", "generate"],
  ["continue", "generate"],
  ["run", "generate"],
  ["predict", "generate"],
  ["sample", "generate"],
  ["start", "generate"],
  ["encode", "tokenize"],
  ["decode", "tokenize"],
  ["detokenize", "tokenize"],
  ["show", "info"],
  ["inspect", "info"],
  ["list", "models"],
  ["ls", "models"],
  ["pull", "models"],
  ["download", "models"],
  ["install", "models"],
  ["remove", "models"],
  ["rm", "models"],
  ["benchmark", "bench"],
  ["perf", "bench"],
  ["check", "doctor"],
  ["test", "doctor"],
  ["export", "convert"],
  ["save", "convert"],
  ["surprisal", "score"],
  ["eval", "evaluate"],
  ["ppl", "perplexity"],
  ["diff", "compare"],
  ["kl", "compare"],
  ["finetune", "train"],
  ["fit", "train"],
  ["server", "serve"],
  ["update", undefined],
  ["upgrade", undefined],
  ["version", undefined],
]);

/**
 * Loads a command.
 *
 * @throws {UsageError} if there is none of that name
 */
export async function loadCommand(name: string): Promise<Command> {
  const load = commands.get(name);
  if (load !== undefined) return await load();
  const closest = closestCommand(name);
  throw new UsageError(
    `There is no such command: received ${quote(name)}. ` +
      (closest ? `Did you mean ${closest}?` : `The commands are ${commandNames()}.`),
  );
}

/** The command that somebody meant who wrote `name`, if it is like one. */
export function closestCommand(name: string): string | undefined {
  return FOREIGN_COMMANDS.get(name.toLowerCase()) ?? closestName(name, [...commands.keys()]);
}

/** Names that somebody may type who has forgotten `--model`. */
const MODEL_NAME = /^(demo|(distil)?gpt2(-medium|-large|-xl)?|\S+\.gguf)$/;

/** What there is to say about a prompt of one word that is, or nearly is, the name of a command, or that of a model. */
export function noteOnPrompt(prompt: string): string | undefined {
  if (MODEL_NAME.test(prompt)) {
    return `note: ${quote(prompt)} is taken as a prompt; did you mean --model ${lineText(prompt)}?`;
  }
  if (!/^[a-z][a-z\d-]{1,19}$/.test(prompt)) return undefined;
  const closest = closestCommand(prompt);
  if (closest === undefined && !FOREIGN_COMMANDS.has(prompt)) return undefined;
  const advice = closest === undefined || closest === DEFAULT_COMMAND
    ? `the commands are ${commandNames()}`
    : `did you mean the command ${closest}?`;
  return `note: ${quote(prompt)} is taken as a prompt; ${advice}`;
}

function commandNames(): string {
  return [...commands.keys()].join(", ");
}
