/**
 * What the name of a model stands for.
 *
 * @module
 */
import type { LibraryProgress } from "../native_library/native_library.ts";
import type { WriteProgress } from "../base/atomic_file.ts";
import { pathOfFileUrl } from "../base/file_url.ts";
import { exists } from "../base/files.ts";
import { quotePath } from "../base/describe.ts";
import type { DownloadProgress } from "./hub/download.ts";
import type { HubSettings } from "./hub/hub_settings.ts";
import { modelInProgram } from "./model_in_program.ts";
import type { FileType } from "../checkpoint/file_types.ts";

/**
 * How far a model is from being ready: one of the hub is downloaded, then converted; the demo may be downloaded; the native
 * library, which any model needs, is fetched or built the first time.
 */
export type ModelProgress =
  | LibraryProgress
  | { readonly step: "download" } & DownloadProgress
  | { readonly step: "convert" } & WriteProgress;

/** Options of {@linkcode resolveModel}. */
export interface ResolveOptions {
  /**
   * The type to which a model of the hub is converted, or `"original"` for the files as they are there. Default: `"q8_0"`.
   */
  type?: FileType | "original";
  /** Whether to ask the hub what a branch or tag is at now, even if it is on this machine. Default: false. */
  refresh?: boolean;
  /** Called while a model is downloaded and converted. */
  onProgress?: (progress: ModelProgress) => void;
  /** Stops with an `AbortError`. What has been downloaded is kept, and taken up again the next time. */
  signal?: AbortSignal;
  /** Where the hub is, and its cache. Default: as the environment says. */
  hub?: HubSettings;
  /** Where converted models are kept. Default: in this package's folder in the user's cache. */
  convertedFolder?: string;
}

/**
 * The path of a model.
 *
 * `"demo"` is the model that comes with this package (where that is on the web, downloaded once), whatever else has that
 * name: a file or folder called demo is `"./demo"`. So it is with the name of the model that a standalone program has
 * inside. What there is as a file or folder is itself, as a path or as a `file:` URL. Everything else of the form
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
  if (exists(path)) return path;
  if (url === undefined && !isGgufFile(name)) {
    // Loaded only now: most starts are from a file, and need none of it.
    const { parseHubModel } = await import("./hub/model_names.ts");
    const { resolveHubModel } = await import("./hub_models.ts");
    const model = parseHubModel(name);
    if (model !== undefined) return await resolveHubModel(model, options);
  }
  throw notFound(
    name,
    "there is no such file or folder",
    "Check the path. Models of the hub are called gpt2 or owner/name.",
  );
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
    return pathOfFileUrl(url);
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
