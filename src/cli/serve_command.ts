/**
 * `serve`: a model over HTTP.
 *
 * @module
 */
import { quote } from "../base/describe.ts";
import { programName } from "../base/program_name.ts";
import type { ScaledAdapter } from "../model/adapter.ts";
import { parseNamedAdapter } from "./arguments/adapter_flag.ts";
import type { SteeringVector, SteeringVectors } from "../serve.ts";
import { serveFlags } from "./arguments/serve_flags.ts";
import { UsageError } from "./arguments/usage_error.ts";
import { defineCommand } from "./command.ts";
import { loadAdapter, loadModel } from "./load_model.ts";
import { readApiKeys } from "./serve/api_keys.ts";
import { logLine, startLine, waitLine } from "./serve/log_lines.ts";
import { writeError } from "./terminal/error_text.ts";
import type { Io } from "./terminal/io.ts";
import { jsonText, lineText } from "./terminal/terminal_text.ts";

/** What others call it takes the key itself. */
const KEY_IN_FILE =
  "Did you mean --api-key-file? It takes a file with keys, since everybody on the machine can see arguments.";

/** Serves a model. */
export const serveCommand = defineCommand({
  name: "serve",
  summary: "Serve a model over HTTP, as OpenAI's completions.",
  details:
    "Apps and evaluation harnesses that speak to OpenAI's completions can use it: POST /v1/completions, and what " +
    "else docs/server.md lists. The address is written to stdout when the server is ready. Ctrl-C, or SIGTERM, " +
    "ends it: no new requests, and running ones have --grace-seconds to end.",
  operands: { usage: "", min: 0, max: 0, advice: "Name a model with --model <model>." },
  flags: serveFlags,
  foreignFlags: { "api-key": KEY_IN_FILE },
  examples: [
    ["serve --model demo", "A model that needs no download, at http://127.0.0.1:8080"],
    ["serve --model gpt2 --adapter poems=my-lora", "An adapter that clients ask for by name"],
    ["serve --model gpt2 --host 0.0.0.0 --api-key-file keys.txt", "For other machines, with a key"],
  ],

  async run({ values, isDebug }, io) {
    const { host, port, graceSeconds, cors, maxTexts, maxWaiting, maxKeptTexts, log } = values;
    const { stdout, stderr, signal } = io;
    // What is wrong with these is told before anything is read or loaded.
    const { isLoopback, listen, requireAddress } = await import("./serve/listen.ts");
    const { checkServerOptions } = await import("../server/server_options.ts");
    const choices = values.adapter.map(parseNamedAdapter);
    requireDifferentNames(choices.map(({ name }) => name));
    const options = checkServerOptions({ cors, maxTexts, maxWaiting, maxKeptTexts });
    requireAddress(host, port);
    const apiKeys = values.apiKeyFile === undefined ? [] : await readApiKeys(values.apiKeyFile, io);
    const steering = await readSteeringFiles(values.steer, io);
    using loaded = await loadModel("serve a model", { ...values, adapter: [] }, io);
    const { name, model } = loaded;
    const adapters: Record<string, ScaledAdapter> = {};
    for (const { name, path, scale } of choices) {
      adapters[name] = { adapter: await loadAdapter(model, path, io), scale };
    }
    const allowSpecial = values.allowSpecial ? "all" : undefined;
    let noted = Promise.resolve();
    const tell = (write: () => Promise<void>) => {
      // Nobody may be there to see it.
      noted = noted.then(write).catch(() => {});
    };
    const note = (line: string) => tell(() => stderr.write(`${line}\n`));
    const helpCommand = `${programName()} serve --help`;
    const { createHandler } = await import("../serve.ts");
    const { modelName = shortName(name) } = values;
    using handler = createHandler(model, {
      modelName,
      apiKeys,
      adapters,
      ...options,
      allowSpecial,
      steering,
      onError: (error) => tell(() => writeError(error, stderr, { isDebug, helpCommand })),
      onRequest: log && ((record) => note(logLine(record, log))),
    });
    const onWait = (numRequests: number) => note(waitLine(numRequests, graceSeconds));
    await listen(handler, { host, port, graceSeconds, signal, onWait }, async (url) => {
      if (apiKeys.length === 0 && !isLoopback(host)) {
        note(
          `warning: anybody who can reach ${lineText(host)} can use this server: ` +
            "ask for a key with --api-key-file",
        );
      }
      // On a terminal the address comes right below.
      const place = stdout.isTerminal && stderr.isTerminal ? undefined : url;
      note(startLine(modelName, model.weightType, place, handler.capacity));
      await stdout.write(`${values.json ? jsonText({ url, model: modelName }) : url}\n`);
    });
    await noted;
  },
});

function requireDifferentNames(names: readonly string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice === undefined) return;
  throw new UsageError(`Two adapters cannot have one name: received ${quote(twice)} twice.`);
}

/** Steering vectors by the names of their files. */
async function readSteeringFiles(paths: readonly string[], io: Io): Promise<SteeringVectors> {
  if (paths.length === 0) return {};
  const { readSteering } = await import("./steering_file.ts");
  const vectors: Record<string, SteeringVector> = {};
  for (const path of paths) {
    const name = path.split(/[/\\]/).at(-1)!.replace(/\.json$/i, "");
    if (Object.hasOwn(vectors, name)) {
      throw new UsageError(
        `--steer names each vector by its file: received two with the name ${
          quote(name)
        }. Rename one.`,
      );
    }
    vectors[name] = await readSteering(path, io);
  }
  return vectors;
}

/** What a file is called, without its folder: who asks for the model need not know where it lies. */
function shortName(name: string): string {
  const isPath = /\.gguf$/i.test(name) || /^[./~]|^[a-z]:|\\/i.test(name);
  if (!isPath) return name;
  return name.split(/[/\\]/).findLast((part) => part !== "")?.replace(/\.gguf$/i, "") ?? name;
}
