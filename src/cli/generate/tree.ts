/**
 * The likely continuations of a prompt, drawn as a tree.
 *
 * @module
 */
import type { Branch } from "../../generation/explore.ts";
import type { GPT2 } from "../../gpt2.ts";
import type { TokenIds } from "../../tokenizer/token_ids.ts";
import type { GenerateValues } from "../arguments/generate_flags.ts";
import type { Io } from "../terminal/io.ts";
import { jsonText } from "../terminal/terminal_text.ts";

/** Of a prompt that is longer, the end is shown. */
const MAX_ROOT_CHARACTERS = 60;

/** What a tree grows from. */
export interface TreePrompt {
  /** As it was given. */
  readonly text: string;
  readonly tokens: TokenIds;
}

/** Writes the tree that the flags ask for: for people, or with `--json` for programs. */
export async function drawTree(
  model: GPT2,
  { text, tokens }: TreePrompt,
  { width, depth, minProbability, json, quiet }: GenerateValues,
  { stdout, stderr, signal }: Io,
): Promise<void> {
  const branches = await model.explore(tokens, { width, depth, minProbability, signal });
  if (json) {
    await stdout.write(jsonText({ prompt: text, branches }) + "\n");
    return;
  }
  if (branches.length === 0) {
    await stderr.write("Nothing is so likely: choose a smaller --min-probability.\n");
    return;
  }
  const lines = [rootLine(text), ...treeLines(branches)];
  await stdout.write(lines.map((line) => line + "\n").join(""));
  if (quiet) return;
  await stderr.write("In percent: how likely a token is after the text that leads to it.\n");
}

/** The prompt as JSON writes it, or its end. */
function rootLine(prompt: string): string {
  const characters = [...prompt];
  return characters.length <= MAX_ROOT_CHARACTERS
    ? jsonText(prompt)
    : `... ${jsonText(characters.slice(-MAX_ROOT_CHARACTERS).join(""))}`;
}

/**
 * A line for each branch: its probability after what comes before, and its text as JSON writes it.
 *
 * @param indent what stands before the lines of all branches
 */
export function treeLines(branches: readonly Branch[], indent = ""): string[] {
  return branches.flatMap(({ text, logProbability, branches: next }, i) => {
    const isLast = i === branches.length - 1;
    const percent = (100 * Math.exp(logProbability)).toFixed(1).padStart(5);
    return [
      `${indent}${isLast ? "└─" : "├─"} ${percent} %  ${jsonText(text)}`,
      ...treeLines(next, indent + (isLast ? "   " : "│  ")),
    ];
  });
}
