/**
 * `models`: what is in the caches.
 *
 * @module
 */
import { fileTypes } from "../checkpoint/file_types.ts";
import { quote } from "../base/describe.ts";
import { closestName } from "../base/closest_name.ts";
import { type HubModel, parseHubModel } from "../model_store/hub/model_names.ts";
import { defineCommand } from "./command.ts";
import { jsonFlag, typeFlag } from "./common_flags.ts";
import { bytesText } from "./units.ts";
import { UsageError } from "./usage_error.ts";

const ACTIONS = ["list", "pull", "remove", "path"] as const;
type Action = typeof ACTIONS[number];

/** Shows and manages the models of the hub that are on this machine. */
export const modelsCommand = defineCommand({
  name: "models",
  summary: "List, download and remove models of the hub.",
  details:
    "list shows the GPT-2 models on this machine; pull downloads and converts one, or looks whether there is a newer " +
    "one; remove deletes one from both caches: the downloads, which Python uses too, and the converted files; " +
    "path writes where the converted file is, or without a model where the caches are.",
  operands: {
    usage: "[list | pull | remove | path] [model]",
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
    json: { ...jsonFlag, help: "Write one JSON object." },
  },
  examples: [
    ["models pull gpt2", "Download a model ahead of its first use"],
    ["models", "What is on this machine, and how large it is"],
    ["models remove gpt2 --keep-download", "Remove the converted files only"],
  ],

  async run({ values, operands: [action = "list", name] }, io) {
    requireAction(action);
    // Loaded only now: every start reads this file, and few go on from here.
    const manage = await import("./manage_models.ts");
    const folders = manage.cacheFolders();
    let text: string;
    let json: unknown;
    if (action === "list") {
      if (name !== undefined) {
        throw new UsageError(`models list takes no model: received ${quote(name)}.`);
      }
      const models = manage.listModels(folders);
      json = { ...folders, models };
      text = manage.listText(folders, models);
    } else if (action === "path" && name === undefined) {
      json = folders;
      text = `${folders.downloads ?? ""}\n${folders.converted}\n`;
    } else {
      const model = requireModel(action, name);
      if (action === "remove") {
        const freedBytes = await manage.removeModel(folders, model, values.keepDownload);
        json = { repo: model.repo, freedBytes };
        text = "";
        await io.stderr.write(`Removed ${model.repo}: ${bytesText(freedBytes)}.\n`);
      } else {
        const path = action === "pull"
          ? await manage.pullModel(model, values.type, io)
          : manage.pathOfModel(model, values.type);
        json = { repo: model.repo, path, numBytes: Deno.statSync(path).size };
        text = `${path}\n`;
      }
    }
    await io.stdout.write(values.json ? JSON.stringify(json, null, 2) + "\n" : text);
  },
});

function requireAction(action: string): asserts action is Action {
  if ((ACTIONS as readonly string[]).includes(action)) return;
  const closest = closestName(action, [...ACTIONS]);
  throw new UsageError(
    `models takes one of ${ACTIONS.join(", ")}: received ${quote(action)}.` +
      (closest === undefined ? "" : ` Did you mean models ${closest}?`),
  );
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
