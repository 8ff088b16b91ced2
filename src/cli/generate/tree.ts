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

/** Writes the tree that the flags ask for: for people, or with `--json` for programs. */
export async function drawTree(
  model: GPT2,
  prompt: TokenIds,
  { width, depth, minProbability, json }: GenerateValues,
  { stdout, stderr, signal }: Io,
): Promise<void> {
  const branches = await model.explore(prompt, { width, depth, minProbability, signal });
  if (json) {
    await stdout.write(jsonText({ branches }) + "\n");
    return;
  }
  if (branches.length === 0) {
    await stderr.write("Nothing is so likely: choose a smaller --min-probability.\n");
  }
  await stdout.write(treeLines(branches).map((line) => line + "\n").join(""));
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
