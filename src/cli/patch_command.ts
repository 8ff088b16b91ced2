/**
 * `patch`: where in a model it is decided what it says.
 *
 * @module
 */
import { encodePrompts } from "../tokenizer/prompts.ts";
import { activationPatching } from "../inspection/activation_patching.ts";
import { steeringVector } from "../inspection/steering_vector.ts";
import { type ReadableToken, readableToken } from "../tokenizer/readable_token.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { jsonFlag, overwriteFlag } from "./arguments/common_flags.ts";
import { flagText } from "./arguments/flags.ts";
import { modelFlags } from "./arguments/model_flags.ts";
import { UsageError } from "./arguments/usage_error.ts";
import { defineCommand } from "./command.ts";
import { loadModel } from "./load_model.ts";
import { type Line, tokenCell } from "./explain/layout.ts";
import { oneToken } from "./explain/one_token.ts";
import { patchingTable } from "./explain/patching_table.ts";
import { checkTarget, type SteeringTarget, writeSteering } from "./steering_file.ts";
import { ProgressBar } from "./terminal/progress_bar.ts";
import { jsonText } from "./terminal/terminal_text.ts";
import { countText, numberText } from "./terminal/units.ts";

const [MIN_COLUMNS, MAX_COLUMNS] = [60, 120];
const MAX_LABEL = 7;
const MAX_ANSWER = 14;

const TITLES = {
  residual: "The residual stream that a block reads, at one position",
  attention: "What the attention of a block adds, at one position",
  mlp: "What the MLP of a block adds, at one position",
  heads: "What one head gathers, at all positions",
};

/** Patches activations of one prompt into another. */
export const patchCommand = defineCommand({
  name: "patch",
  summary: "Show where in a model it is decided what it says.",
  details:
    "Activation patching: the corrupted prompt is computed again and again, each time with one activation of the clean " +
    "one. 1 is where that brings the clean answer back, 0 is where it changes nothing. Both prompts have equally many tokens.",
  operands: {
    usage: "<clean> <corrupted>",
    min: 2,
    max: 2,
    advice: "Give two prompts, each in quotes.",
  },
  flags: {
    ...modelFlags,
    sites: {
      kind: "choice",
      valueName: "what",
      choices: ["residual", "attention", "mlp", "heads"],
      default: "residual",
      help: "What is patched: residual, attention, mlp (each at one position), or heads.",
    },
    answer: {
      kind: "text",
      valueName: "token",
      help: "The right token. Default: the likeliest after the clean prompt.",
    },
    against: {
      kind: "text",
      valueName: "token",
      help:
        "The token that it is measured against, a wrong one. Default: the likeliest after the corrupted prompt.",
    },
    vector: {
      kind: "text",
      valueName: "path",
      help:
        "Patch nothing: write what is in the residual stream behind the first prompt and not behind the second, a steering " +
        "vector for generate --steer, as JSON to this file; - is stdout.",
    },
    layer: {
      kind: "integer",
      valueName: "number",
      min: 0,
      help: "After which block that is, counted from 0. Default: in the middle.",
    },
    overwrite: { ...overwriteFlag, help: "Replace the file of --vector if it is there already." },
    json: { ...jsonFlag, help: "Write one JSON object with all numbers." },
  },
  examples: [
    [
      'patch "The king is" "The queen is" --answer " his" -m demo',
      "Where the demo model knows whom it is about",
    ],
    [
      'patch "The king" "The queen" --sites heads -m demo',
      "Which heads carry it on",
    ],
    [
      'patch "What? Why?" "Yes. No." --vector asks.json -m demo',
      "A direction, for generate --steer asks.json:2",
    ],
  ],

  async run({ values, given, operands }, io) {
    const { sites, json, layer } = values;
    const target = targetOf(values, given);
    if (target !== undefined) checkTarget(target);
    using loaded = await loadModel("patch activations", values, io);
    const { model, name, tokenizer } = loaded;
    const [clean, corrupted] = encodePrompts(tokenizer, operands, undefined).map((tokens) =>
      Array.from(tokens)
    );
    if (target !== undefined) {
      const { numLayers } = model.config;
      const place = layer ?? Math.floor((numLayers - 1) / 2);
      const vector = await steeringVector(model, clean, corrupted, place, { signal: io.signal });
      return await writeSteering(target, { layer: place, vector }, io);
    }
    requireSameLength(clean, corrupted, tokenizer);
    const optional = (flag: string, text: string | undefined) =>
      text === undefined ? undefined : oneToken(flag, text, tokenizer);
    const [answer, against] = [
      optional("--answer", values.answer),
      optional("--against", values.against),
    ];
    const bar = new ProgressBar(io.stderr, "Patching");
    const options = { clean, corrupted, sites, answer, against, signal: io.signal };
    try {
      const found = await activationPatching(model, {
        ...options,
        onProgress: ({ numDone, numSites }) =>
          bar.show(numDone / numSites, `${numberText(numDone)} of ${numberText(numSites)}`),
      });
      await bar.clear();
      if (json) {
        const { data, metrics, ...rest } = found;
        const result = {
          model: name,
          sites,
          cleanTokens: clean,
          corruptedTokens: corrupted,
          ...rest,
        };
        await io.stdout.write(
          jsonText({ ...result, data: [...data], metrics: [...metrics] }) + "\n",
        );
        return;
      }
      const label = (id: number) => tokenCell(readableToken(model, id), MAX_LABEL).trimEnd();
      const labels = sites === "heads"
        ? Array.from({ length: found.shape[1] }, (_, head) => `head ${head}`)
        : corrupted.map(label);
      // Where the prompts do not differ yet, there is nothing to bring back.
      const first = sites === "heads" ? 0 : clean.findIndex((id, i) => id !== corrupted[i]);
      const shown = (token: ReadableToken) => tokenCell(token, MAX_ANSWER).trimEnd();
      const measured = [
        `the logit of ${shown(found.answer!)} less that of ${shown(found.against!)}`,
        `0: as after the corrupted prompt (${found.corrupted.toFixed(2)}); ` +
        `1: as after the clean one (${found.clean.toFixed(2)})`,
      ];
      const numColumns = Math.min(MAX_COLUMNS, Math.max(MIN_COLUMNS, io.stdout.numColumns));
      const table = patchingTable(
        found,
        { title: TITLES[sites], remarks: measured },
        labels,
        Math.max(0, first),
        numColumns,
      );
      const remarks: Line[] = first > 0
        ? [[], [[`  Without the first ${first}, where both prompts are the same: 0.`, "faint"]]]
        : [];
      await io.stdout.writeLines([...table.slice(1), ...remarks]);
    } finally {
      await bar.clear();
    }
  },
});

/** Where a steering vector is to be written, if one is. */
function targetOf(
  { vector: path, layer, overwrite, json }: {
    readonly vector?: string;
    readonly layer?: number;
    readonly overwrite: boolean;
    readonly json: boolean;
  },
  given: ReadonlySet<string>,
): SteeringTarget | undefined {
  if (path !== undefined && json) {
    throw new UsageError("--vector writes JSON as it is: leave --json out.");
  }
  const other = ["sites", "answer", "against"].find((name) => given.has(name));
  if (path !== undefined && other !== undefined) {
    throw new UsageError(`--vector patches nothing: leave ${flagText(other)} out.`);
  }
  if (path !== undefined) return { path, overwrite };
  if (layer === undefined && !overwrite) return undefined;
  throw new UsageError(
    `${layer === undefined ? "--overwrite" : "--layer"} is for --vector. Add --vector <path>.`,
  );
}

function requireSameLength(
  clean: readonly number[],
  corrupted: readonly number[],
  tokenizer: Tokenizer,
): void {
  if (clean.length === corrupted.length) return;
  const pieces = (ids: readonly number[]) =>
    ids.slice(0, 12).map((id) => tokenCell(readableToken({ tokenizer }, id), 12).trimEnd())
      .join(" ");
  throw new UsageError(
    `The prompts must have equally many tokens: received ${countText(clean.length, "token")} ` +
      `(${pieces(clean)}) and ${numberText(corrupted.length)} (${pieces(corrupted)}). ` +
      "Choose words of as many tokens.",
  );
}
