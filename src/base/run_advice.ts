/**
 * What to do about a file that a training run has written.
 *
 * @module
 */

/** What a run makes: models, each of which can be used without the others. */
const MODELS = ["best", "last", "model.gguf", "adapter.gguf"];
/** What it goes on from. */
const NEEDED = ["state.safetensors", "plan.json", "data", "tokenizer"];
/** By these its folder is known. */
const MARKS = ["log.jsonl", "state.safetensors"];

/**
 * What to do if such a file is damaged; nothing about a file that is none of a run.
 *
 * @param path of the file, or of the folder that it is in
 */
export function adviceForRun(path: string): string | undefined {
  const parts = path.split(/(?<=[/\\])/);
  // In the folder of the run, or in a folder there.
  for (const end of [-1, -2]) {
    const folder = parts.slice(0, end).join("");
    const part = parts.at(end)?.replace(/[/\\]$/, "") ?? "";
    const isOfRun = [...MODELS, ...NEEDED].includes(part);
    if (isOfRun && MARKS.every((mark) => isThere(folder + mark))) return adviceFor(part, folder);
  }
  return undefined;
}

function adviceFor(part: string, folder: string): string {
  const others = MODELS.filter((model) => model !== part && isThere(folder + model));
  const rest = others.length === 0 ? "" : ` There are still ${others.join(", ")}.`;
  if (MODELS.includes(part)) {
    return "The file is damaged or incomplete: use another model of this training run, or train again." +
      rest;
  }
  const same = part !== "tokenizer"
    ? undefined
    : others.find((model) => isThere(`${folder}${model}/tokenizer.json`));
  const copy = same === undefined ? "" : `copy tokenizer.json from ${same} to it, or `;
  return `The training run cannot go on without it: ${copy}begin again with --overwrite, or in another folder.${rest}`;
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
