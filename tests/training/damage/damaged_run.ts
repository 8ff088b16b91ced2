/** Runs and adapters with a damaged file: they go on, or are refused in a sentence that says why. */
import { assert } from "@std/assert";
import { runCli } from "../../cli/run_cli.ts";
import type { Random } from "../../einops/random_pattern.ts";

/** Files of a run that going on from it reads. */
const RUN_FILES = [
  "state.safetensors",
  "log.jsonl",
  "plan.json",
  "data/data.json",
  "data/train.bin",
  "data/val.bin",
  "tokenizer/tokenizer.json",
] as const;

/** What is said of it, at most. */
const MOST_CHARACTERS = 2048;

/** Exit codes for what can be wrong with files and what they say; 70 and 1 are for what nobody has thought of. */
const KNOWN_CODES = [0, 2, 65, 66, 74];

const VALUES: readonly unknown[] = [
  ...[null, -1, 0, 1e300, 1.5, "", "x", true, [], {}, [null], { step: -1 }],
  "../../../etc/passwd",
];

/** Sentences of a few words: there is something to learn, and something to evaluate. */
export const RUN_TEXT = "The cat sees a dog. Nobody hears the old king. ".repeat(100);

export const RUN_FLAGS = [
  ...["--layers", "1", "--heads", "2", "--width", "16", "--context", "16", "--batch-size", "2"],
  ...["--steps", "4", "--evaluate-every", "2", "--threads", "1"],
];

/** Copies a folder with all that is in it. */
export function copyFolder(from: string, to: string): void {
  Deno.mkdirSync(to, { recursive: true });
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (isDirectory) copyFolder(`${from}/${name}`, `${to}/${name}`);
    else Deno.copyFileSync(`${from}/${name}`, `${to}/${name}`);
  }
}

/** Damages a file, and says how. */
export function damage(random: Random, path: string): string {
  const bytes = Deno.readFileSync(path);
  const kind = random.integer(0, 5);
  const at = random.integer(0, Math.max(0, bytes.length - 1));
  if (kind === 0) {
    Deno.removeSync(path);
    return "removed";
  }
  if (kind === 1) {
    Deno.writeFileSync(path, bytes.subarray(0, at));
    return `cut after ${at} bytes`;
  }
  if (kind === 2) {
    Deno.writeFileSync(path, new Uint8Array([...bytes, 7, 10, 13]));
    return "longer";
  }
  if (kind === 3 || !/json/.test(path)) {
    // Most of what can be wrong is at the beginning.
    const place = random.chance(0.5) ? at % 200 : at;
    for (let i = 0; i < random.integer(1, 4); i++) {
      if (place + i < bytes.length) bytes[place + i] = random.integer(0, 255);
    }
    Deno.writeFileSync(path, bytes);
    return `other bytes from ${place} on`;
  }
  const lines = new TextDecoder().decode(bytes).split("\n").filter((line) => line !== "");
  const isLog = path.endsWith(".jsonl");
  const texts = isLog ? lines : [lines.join("\n")];
  const line = random.integer(0, texts.length - 1);
  const [text, how] = withOtherValue(random, JSON.parse(texts[line]));
  texts[line] = text;
  Deno.writeTextFileSync(path, texts.join("\n") + "\n");
  return how;
}

/** A JSON text in which one value, on any level, is another, or one is missing. */
function withOtherValue(random: Random, json: unknown): [text: string, how: string] {
  const value = VALUES[random.integer(0, VALUES.length - 1)];
  if (random.chance(0.1)) return [JSON.stringify(value), `${JSON.stringify(value)} instead of all`];
  let at = json as Record<string, unknown>;
  for (;;) {
    const names = Object.keys(at);
    const name = names[random.integer(0, names.length - 1)];
    const inner = at[name];
    const goesOn = typeof inner === "object" && inner !== null && Object.keys(inner).length > 0;
    if (goesOn && random.chance(0.8)) {
      at = inner as Record<string, unknown>;
      continue;
    }
    if (random.chance(0.2)) delete at[name];
    else at[name] = value;
    return [JSON.stringify(json), `${name}: ${JSON.stringify(at[name])}`];
  }
}

/** Has a damaged copy of a run gone on with, and says how that ended. */
export async function resumeDamaged(random: Random, run: string, copy: string): Promise<string> {
  copyFolder(run, copy);
  const file = RUN_FILES[random.integer(0, RUN_FILES.length - 1)];
  const how = damage(random, `${copy}/${file}`);
  const result = await runCli(["train", "--resume", "--out", copy, "--steps", "6"]);
  // Nobody can get it from elsewhere.
  assert(!/download/.test(result.stderr), `${file}, ${how}: ${result.stderr}`);
  return checkOutcome(`${file}, ${how}`, result);
}

/** Has a model computed with a damaged copy of an adapter, a folder or a file, and says how that ended. */
export async function useDamagedAdapter(
  random: Random,
  model: string,
  adapter: string,
  copy: string,
): Promise<string> {
  let path = copy;
  if (adapter.endsWith(".gguf")) {
    path = `${copy}.gguf`;
    Deno.copyFileSync(adapter, path);
  } else copyFolder(adapter, copy);
  const files = ["adapter_config.json", "adapter_model.safetensors"];
  const file = adapter.endsWith(".gguf") ? path : `${copy}/${files[random.integer(0, 1)]}`;
  const how = damage(random, file);
  const args = ["score", "One fine day", "--threads", "1", "--model", model, "--adapter", path];
  return checkOutcome(`${file}, ${how}`, await runCli(args));
}

/** Throws if something ended in a way that nobody has thought of. */
function checkOutcome(
  what: string,
  { code, stderr }: { readonly code: number; readonly stderr: string },
): string {
  // Weights that are numbers may still be too large for what is computed with them.
  const isOverflow = code === 70 && stderr.includes("not a finite number");
  const isKnown = (KNOWN_CODES.includes(code) || isOverflow) &&
    !/\n\s+at |Cannot read prop|undefined/.test(stderr);
  const said = code === 0 ? stderr : stderr.slice(Math.max(0, stderr.indexOf("error:")));
  assert(isKnown && (code === 0 || said.length <= MOST_CHARACTERS), `${what}: ${code}, ${stderr}`);
  return code === 0 ? "that went on" : `refused with ${code}`;
}
