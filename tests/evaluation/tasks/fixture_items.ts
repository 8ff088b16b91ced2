/**
 * The made-up benchmarks of tests/fixtures/evaluation/tasks.
 *
 * @module
 */
import { parseItems } from "../../../src/evaluation/tasks/parse_items.ts";
import type { TaskItem } from "../../../src/evaluation/tasks/task.ts";
import type { TaskName } from "../../../src/evaluation/tasks/tasks.ts";

const folder = new URL("../../fixtures/evaluation/tasks/", import.meta.url);

/** The text of one of their files. */
export function fixtureText(name: string): string {
  return Deno.readTextFileSync(new URL(name, folder));
}

/** The questions of one. */
export function fixtureItems(name: TaskName): TaskItem[] {
  const read = (path: string) => ({ path, text: fixtureText(path) });
  return parseItems(
    name,
    read(`${name}.jsonl`),
    name === "piqa" ? read("piqa-labels.lst") : undefined,
  );
}
