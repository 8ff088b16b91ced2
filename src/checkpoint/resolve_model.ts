/**
 * What the name of a model stands for.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { quotePath } from "../formats/describe.ts";

/** The small model that comes with this package. */
const DEMO_URL = new URL("../demo/demo.gguf", import.meta.url);

/** `gpt2`, `distilgpt2` or `owner/name`: the form of the names on Hugging Face's hub. */
const HUB_NAME = /^[\w.-]+(\/[\w.-]+)?$/;

/**
 * The path of a model.
 *
 * `"demo"` is the model that comes with this package, whatever else has that name: a file or folder called demo is
 * `"./demo"`. Everything else is the path, or the `file:` URL, of a `.gguf` file or of a Hugging Face folder.
 *
 * @throws {Deno.errors.NotFound} if there is nothing there
 */
export async function resolveModel(source: string | URL): Promise<string> {
  if (source === "demo") return await existingPath(pathOfFileUrl(DEMO_URL, "demo"), source);
  const url = source instanceof URL ? source : asUrl(source);
  const name = String(source);
  return await existingPath(url === undefined ? name : pathOfFileUrl(url, name), name);
}

/** The URL that a text is, if it is one. The letter of a Windows drive is no scheme. */
function asUrl(text: string): URL | undefined {
  return /^[a-z][a-z0-9+.-]+:\/\//i.test(text) || text.startsWith("file:")
    ? URL.parse(text) ?? undefined
    : undefined;
}

function pathOfFileUrl(url: URL, name: string): string {
  if (url.protocol === "file:") return fileURLToPath(url);
  throw notFound(
    name,
    "models are not downloaded",
    "Download it, and give the path of the file or folder.",
  );
}

async function existingPath(path: string, name: string): Promise<string> {
  try {
    await Deno.stat(path);
    return path;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  if (name === "demo") {
    throw notFound(path, "the file of the demo model is missing", "Install the package again.");
  }
  if (HUB_NAME.test(name) && !name.endsWith(".gguf")) {
    throw notFound(
      name,
      "there is no such file or folder, and models are not downloaded from the hub",
      'Give "demo", the path of a Hugging Face folder (config.json, model.safetensors), or that of a .gguf file.',
    );
  }
  throw notFound(name, "there is no such file or folder", "Check the path.");
}

function notFound(received: string, what: string, advice: string): Error {
  return new Deno.errors.NotFound(
    `Cannot find the model: ${what}: received ${quotePath(received)}. ${advice}`,
  );
}
