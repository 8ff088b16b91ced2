/**
 * Opens folders that Hugging Face transformers saved as checkpoints.
 *
 * @module
 */
import { FileFormatError } from "../../base/errors.ts";
import { quotePath } from "../../base/describe.ts";
import { openSafetensorsFolder } from "../../formats/safetensors_folder.ts";
import { SAFETENSORS_FILE_NAME, SAFETENSORS_INDEX_NAME } from "../../formats/safetensors_index.ts";
import { Checkpoint } from "../checkpoint.ts";
import { readHuggingFaceConfig } from "./config.ts";
import { readHuggingFaceTokenizer } from "./tokenizer.ts";
import { type FoundTensor, type Layout, locateWeights } from "../locate_weights.ts";
import {
  huggingFaceName,
  isTransposedInHuggingFace,
  normalizeHuggingFaceName,
} from "../weight_names.ts";

const HUGGING_FACE_LAYOUT: Layout = {
  nameOf: huggingFaceName,
  isTransposed: isTransposedInHuggingFace,
};

/** Formats that run code when they are read, or that only other frameworks read. */
const OTHER_WEIGHTS = /\.(bin|pt|pth|ckpt|pkl|h5|msgpack|ot|onnx)$/;

/**
 * Opens a folder with `config.json` and safetensors files.
 *
 * @throws {FileFormatError} if a file is damaged, it holds another model, or has only weights in a format that runs code
 * @throws {Deno.errors.NotFound} if a file is missing
 */
export function openHuggingFaceCheckpoint(path: string): Checkpoint {
  requireSafetensors(path);
  const { config, endOfTextId } = readHuggingFaceConfig(`${path}/config.json`);
  using opened = new DisposableStack();
  const folder = opened.use(openSafetensorsFolder(path));
  const found = new Map<string, FoundTensor>();
  for (const [storedName, { shape, dtype, offset }] of folder.tensors) {
    const name = normalizeHuggingFaceName(storedName);
    if (name === undefined) continue;
    if (found.has(name)) {
      throw new FileFormatError(
        `Cannot read ${quotePath(path)} as GPT-2: two tensors are the same weight: received ` +
          `"${found.get(name)!.storedName}" and "${storedName}". Remove one of them.`,
        { path },
      );
    }
    const source = folder.sourceOf(storedName);
    found.set(name, { storedName, shape, type: dtype.toLowerCase(), offset, source });
  }
  const weights = locateWeights(config, found, HUGGING_FACE_LAYOUT, path);
  const resources = opened.move();
  return new Checkpoint({
    path,
    name: folderName(path),
    config,
    weights,
    readTokenizer: () => Promise.try(() => readHuggingFaceTokenizer(path, config, endOfTextId)),
    close: () => resources.dispose(),
  });
}

/** Finds out before anything is read whether the weights are in a format that can be. */
function requireSafetensors(path: string): void {
  const names = Array.from(Deno.readDirSync(path), ({ name }) => name).sort();
  if (names.includes(SAFETENSORS_FILE_NAME) || names.includes(SAFETENSORS_INDEX_NAME)) return;
  const other = names.find((name) => OTHER_WEIGHTS.test(name));
  if (other !== undefined) {
    throw new FileFormatError(
      `Cannot read ${quotePath(path)}: its weights are not safetensors: received "${other}". ` +
        "Save them again: in Python, with Hugging Face transformers, " +
        "GPT2LMHeadModel.from_pretrained(folder).save_pretrained(folder).",
      { path },
    );
  }
  if (!names.includes("config.json")) {
    const gguf = names.find((name) => name.endsWith(".gguf"));
    throw new Deno.errors.NotFound(
      `Cannot open ${quotePath(path)} as a model: it has no config.json: received a folder with ` +
        `${names.length} entries. ` +
        (gguf === undefined
          ? "Pass a folder that save_pretrained() wrote."
          : `Pass the file in it: ${quotePath(`${path}/${gguf}`)}.`),
    );
  }
}

/** The last part of a path, whether or not it exists under that name (`.`, a trailing slash). */
function folderName(path: string): string {
  return Deno.realPathSync(path).replace(/^.*[/\\]/, "") || "gpt2";
}
