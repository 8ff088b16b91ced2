/**
 * What the name of a model stands for: a name in, the path of a file or folder out.
 *
 *     "demo"                      demo_model.ts       the file in this package, or a copy of it from the web
 *     inside a program            model_in_program.ts
 *     a path or file: URL         here
 *     "gpt2", "owner/name", ...   hub_models.ts       downloaded (hub/), then converted (converted_models.ts)
 *
 * @module
 */
import { closestName } from "../base/closest_name.ts";
import { pathOfFileUrl } from "../base/file_url.ts";
import { exists } from "../base/files.ts";
import { quotePath } from "../base/describe.ts";
import { resultOfRun } from "../checkpoint/run_result.ts";
import type { ResolveOptions } from "./hub_models.ts";
import { modelInProgram } from "./model_in_program.ts";

/**
 * The path of a model.
 *
 * `"demo"` is the model that comes with this package (where that is on the web, downloaded once), whatever else has that
 * name: a file or folder called demo is `"./demo"`. So it is with the name of the model that a standalone program has
 * inside. What there is as a file or folder is itself, as a path or as a `file:` URL; of the folder of a
 * training run the best model that it has made is taken, or the last if nothing was evaluated. Everything else of the form
 * `gpt2`, `owner/name`, `owner/name@revision` or `owner/name:file.gguf` is a model of the hub: it is downloaded and
 * converted, unless that was done before. Then no request is made: a branch stays where it was until `refresh`.
 *
 * @throws {Deno.errors.NotFound} if there is nothing there
 * @throws {FileFormatError} if a model of the hub is damaged, no GPT-2, or not in safetensors
 * @throws {HubError} if the hub may not be asked, refuses, or fails several times
 * @throws {StorageError} if a cache cannot be written
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function resolveModel(
  source: string | URL,
  options: ResolveOptions = {},
): Promise<string> {
  if (source === "demo") {
    const { demoModelPath } = await import("./demo_model.ts");
    const { signal, onProgress } = options;
    return await demoModelPath({
      signal,
      onProgress: onProgress && ((progress) => onProgress({ step: "download", ...progress })),
    });
  }
  const inProgram = modelInProgram();
  if (source === inProgram?.name) return inProgram.path;
  const url = source instanceof URL ? source : asUrl(source);
  const name = String(source);
  const path = url === undefined ? name : localPath(url, name);
  if (exists(path)) return resultOfRun(path);
  if (url === undefined && !isGgufFile(name)) {
    // Loaded only now: most starts are from a file, and need none of it.
    const { parseHubModel, shortNames } = await import("./hub/model_names.ts");
    const { resolveHubModel } = await import("./hub_models.ts");
    const model = parseHubModel(name);
    if (model !== undefined) return await resolveHubModel(model, options);
    // What has a slash or a dot is meant as a path.
    if (/^[\w-]+$/.test(name)) {
      const known = ["demo", ...shortNames];
      // gpt2small, gpt2-small
      const closest = closestName(name, known) ??
        shortNames.find((short) => name.toLowerCase().startsWith(short));
      throw notFound(
        name,
        "there is no such file, folder or model",
        `${
          closest === undefined ? "" : `Did you mean ${closest}? `
        }The names without an owner are ` +
          `${known.join(", ")}; any other model of the hub is called owner/name.`,
      );
    }
  }
  throw notFound(
    name,
    "there is no such file or folder",
    "Check the path. Models of the hub are called gpt2 or owner/name.",
  );
}

/**
 * Whether {@linkcode resolveModel} finds a converted model under a name if no type is asked for: that of a checkpoint of the
 * hub. A file of the hub is taken as it is.
 */
export async function isConvertedByDefault(name: string): Promise<boolean> {
  const isHere = name === "demo" || name === modelInProgram()?.name || asUrl(name) !== undefined ||
    isGgufFile(name) || exists(name);
  if (isHere) return false;
  const { parseHubModel } = await import("./hub/model_names.ts");
  const model = parseHubModel(name);
  return model !== undefined && model.file === undefined;
}

/** The URL that a text is, if it is one. The letter of a Windows drive is no scheme. */
function asUrl(text: string): URL | undefined {
  return /^[a-z][a-z0-9+.-]+:\/\//i.test(text) || text.startsWith("file:")
    ? URL.parse(text) ?? undefined
    : undefined;
}

/** Whether a name is meant as a file of this machine: one of the hub has its repository before a colon. */
function isGgufFile(name: string): boolean {
  return name.endsWith(".gguf") && !name.includes(":");
}

function localPath(url: URL, name: string): string {
  if (url.protocol === "file:") {
    try {
      return pathOfFileUrl(url);
    } catch {
      throw notFound(name, "its URL names no file on this system", "Give the path of the file.");
    }
  }
  throw notFound(
    name,
    "models are downloaded from the hub only, by their names",
    "Write owner/name or owner/name:file.gguf; or download it, and give the path of the file or folder.",
  );
}

function notFound(received: string, what: string, advice: string): Error {
  return new Deno.errors.NotFound(
    `Cannot find the model: ${what}: received ${quotePath(received)}. ${advice}`,
  );
}
