/**
 * `models`: what is in the caches.
 *
 * @module
 */
import { type FileType, fileTypes } from "../checkpoint/file_types.ts";
import { quote } from "../base/describe.ts";
import { closestName } from "../base/closest_name.ts";
import { type HubModel, parseHubModel } from "../model_store/hub/model_names.ts";
import { defineCommand } from "./command.ts";
import { confirm, yesFlag } from "./confirm.ts";
import type { Io } from "./terminal/io.ts";
import { flagText } from "./arguments/flags.ts";
import { jsonFlag, typeFlag } from "./arguments/common_flags.ts";
import { bytesText } from "./terminal/units.ts";
import { UsageError } from "./arguments/usage_error.ts";
import { jsonText } from "./terminal/terminal_text.ts";

type Action = keyof typeof ACTIONS;

/** Shows and manages the models of the hub that are on this machine. */
export const modelsCommand = defineCommand({
  name: "models",
  summary: "List, download and remove models of the hub.",
  details:
    "list shows the GPT-2 models on this machine; pull downloads and converts one, or looks whether there is a newer " +
    "one; remove deletes one from both caches: the downloads, which Python uses too, and the converted files, with --all " +
    "those of all models in the list, after a question; " +
    "path writes where the converted file is, or without a model where the caches are.",
  operands: {
    usage: "[list|pull|remove|path] [model]",
    min: 0,
    max: 2,
    advice: "Give one of list, pull, remove, path, and one model.",
  },
  flags: {
    type: {
      ...typeFlag,
      default: "q8_0",
      help: `For pull and path, the type of the weights: ${fileTypes.join(", ")}.`,
    },
    keepDownload: {
      kind: "switch",
      help: "For remove: leave the download in the cache that is shared with Python.",
    },
    all: { kind: "switch", help: "For remove: all models in the list." },
    yes: { ...yesFlag, help: "For remove --all: do not ask first." },
    json: { ...jsonFlag, help: "Write one JSON object." },
  },
  examples: [
    ["models pull gpt2", "Download a model ahead of its first use"],
    ["models", "What is on this machine, and how large it is"],
    ["models remove gpt2 --keep-download", "Remove the converted files only"],
    ["models remove --all", "Remove all models, after a question"],
  ],

  async run({ values, given, operands: [action = "list", name] }, io) {
    requireAction(action);
    requireUse(action, name, values, given);
    const result = await ACTIONS[action](name, values, io);
    await io.stdout.write(values.json ? jsonText(result.json, 2) + "\n" : result.text);
  },
});

/** What an action has to say, for programs and for people. */
interface Result {
  readonly json: unknown;
  readonly text: string;
}

/** The flags of all actions. */
interface Values {
  readonly type: FileType;
  readonly keepDownload: boolean;
  readonly all: boolean;
  readonly yes: boolean;
}

/** Loaded only when there is something to do: every help reads this file. */
const loadActions = () => import("./manage_models.ts");

const ACTIONS = { list, pull, remove, path } as const;

async function list(name: string | undefined): Promise<Result> {
  if (name !== undefined) {
    throw new UsageError(`models list takes no model: received ${quote(name)}.`);
  }
  const manage = await loadActions();
  const folders = manage.cacheFolders();
  const models = manage.listModels(folders);
  return { json: { ...folders, models }, text: manage.listText(folders, models) };
}

async function pull(name: string | undefined, { type }: Values, io: Io): Promise<Result> {
  const model = requireModel("pull", name);
  return foundAt(model, await (await loadActions()).pullModel(model, type, io));
}

async function path(name: string | undefined, { type }: Values): Promise<Result> {
  const manage = await loadActions();
  if (name === undefined) {
    const folders = manage.cacheFolders();
    return { json: folders, text: `${folders.downloads ?? ""}\n${folders.converted}\n` };
  }
  const model = requireModel("path", name);
  return foundAt(model, manage.pathOfModel(model, type));
}

function foundAt({ repo }: HubModel, path: string): Result {
  return { json: { repo, path, numBytes: Deno.statSync(path).size }, text: `${path}\n` };
}

async function remove(
  name: string | undefined,
  { all, keepDownload, yes }: Values,
  io: Io,
): Promise<Result> {
  if (all && name !== undefined) {
    throw new UsageError(
      `models remove takes a model or --all: received ${quote(name)} and --all.`,
    );
  }
  const manage = await loadActions();
  const folders = manage.cacheFolders();
  if (!all) {
    const model = requireModel("remove", name);
    const removal = new manage.Removal(folders, [model.repo], keepDownload);
    removal.requireAny(model);
    await removal.run();
    await io.stderr.write(
      removal.numBytes > 0
        ? `Removed ${model.repo}: ${bytesText(removal.numBytes)}.\n`
        : `There is nothing to remove: ${model.repo} is not converted; its download was kept.\n`,
    );
    return { json: { repo: model.repo, freedBytes: removal.numBytes }, text: "" };
  }
  const models = manage.listModels(folders);
  const repos = models.map(({ repo }) => repo);
  const removal = new manage.Removal(folders, repos, keepDownload);
  if (removal.numBytes === 0) {
    await io.stderr.write("There is nothing to remove.\n");
  } else {
    await io.stderr.write(manage.listText(folders, models));
    const what = keepDownload ? "the converted files" : "all of these, also for Python";
    const question = `Remove ${what}: ${bytesText(removal.numBytes)}`;
    if (!await confirm(question, yes, io)) return { json: { repos: [], freedBytes: 0 }, text: "" };
    await removal.run();
    await io.stderr.write(`Removed ${bytesText(removal.numBytes)}.\n`);
  }
  return { json: { repos, freedBytes: removal.numBytes }, text: "" };
}

function requireAction(action: string): asserts action is Action {
  if (Object.hasOwn(ACTIONS, action)) return;
  const names = Object.keys(ACTIONS);
  const closest = closestName(action, names);
  throw new UsageError(
    `models takes one of ${names.join(", ")}: received ${quote(action)}.` +
      (closest === undefined ? "" : ` Did you mean models ${closest}?`),
  );
}

/**
 * Requires that each flag has an effect.
 *
 * @throws {UsageError} if one has none
 */
function requireUse(
  action: Action,
  name: string | undefined,
  { all }: Values,
  given: ReadonlySet<string>,
): void {
  const isRemove = action === "remove";
  const uses: Record<string, readonly [isUsed: boolean, where: string]> = {
    all: [isRemove, "models remove"],
    keepDownload: [isRemove, "models remove"],
    yes: [isRemove && all, "models remove --all, which asks first"],
    type: [action === "pull" || action === "path" && name !== undefined, "pull and path <model>"],
  };
  for (const [flag, [isUsed, where]] of Object.entries(uses)) {
    if (isUsed || !given.has(flag)) continue;
    throw new UsageError(
      `${flagText(flag)} is for ${where}: received models ${action}. Leave it out.`,
    );
  }
}

function requireModel(action: Action, name: string | undefined): HubModel {
  const model = name === undefined ? undefined : parseHubModel(name);
  if (model !== undefined) return model;
  throw new UsageError(
    `models ${action} needs a model of the hub: received ${
      name === undefined ? "none" : quote(name)
    }. ` +
      "Give gpt2, or owner/name.",
  );
}
