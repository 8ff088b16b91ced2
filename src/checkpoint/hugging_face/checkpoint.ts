/**
 * Opens folders that Hugging Face transformers saved as checkpoints.
 *
 * @module
 */
import { FileFormatError } from "../../base/errors.ts";
import { formatError, quote, quotePath } from "../../base/describe.ts";
import { namesIn } from "../../base/files.ts";
import { openSafetensorsFolder, type SafetensorsFolder } from "../../formats/safetensors_folder.ts";
import { SAFETENSORS_FILE_NAME, SAFETENSORS_INDEX_NAME } from "../../formats/safetensors_index.ts";
import { Checkpoint } from "../checkpoint.ts";
import { numElements } from "../../tensor/shape.ts";
import { readHuggingFaceConfig } from "./config.ts";
import { NarrowedSource } from "./narrowed_source.ts";
import { readSettings } from "./read_settings.ts";
import { readEndOfTextIds } from "./token_ids.ts";
import { readHuggingFaceTokenizer } from "./tokenizer.ts";
import { type FoundTensor, type Layout, locateWeights } from "../locate_weights.ts";
import {
  belongsToOtherHead,
  huggingFaceName,
  isTransposedInHuggingFace,
  normalizeHuggingFaceName,
} from "../weight_layout.ts";

const HUGGING_FACE_LAYOUT: Layout = {
  nameOf: huggingFaceName,
  isTransposed: isTransposedInHuggingFace,
  typeAdvice: "Save the checkpoint again as F32, F16 or BF16.",
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
  const { config, tied, ...inConfig } = readHuggingFaceConfig(`${path}/config.json`);
  const endOfTextIds = readEndOfTextIds(path, inConfig.endOfTextIds, config.vocabSize);
  const settings = readSettings(path, endOfTextIds);
  using opened = new DisposableStack();
  const folder = opened.use(openSafetensorsFolder(path));
  const { found, ignored } = findTensors(folder, path);
  requireProjection(found, tied, path);
  const weights = locateWeights(config, found, HUGGING_FACE_LAYOUT, path);
  const resources = opened.move();
  return new Checkpoint({
    path,
    name: folderName(path),
    config,
    weights,
    settings,
    notices: otherHeadNotice(ignored),
    readTokenizer: () =>
      Promise.try(() => readHuggingFaceTokenizer(path, config, endOfTextIds?.[0])),
    close: () => resources.dispose(),
  });
}

function otherHeadNotice([first, ...others]: readonly string[]): string[] {
  if (first === undefined) return [];
  const what = others.length === 0
    ? `1 tensor of another head is left out, ${quote(first)}`
    : `${others.length + 1} tensors of another head are left out, such as ${quote(first)}`;
  return [`${what}: what runs here is the language model.`];
}

/** The tensors by the names that transformers gives them now, and the names of those that are not the language model's. */
function findTensors(
  folder: SafetensorsFolder,
  path: string,
): { found: Map<string, FoundTensor>; ignored: string[] } {
  const found = new Map<string, FoundTensor>();
  const ignored: string[] = [];
  for (const [storedName, { shape, dtype, offset }] of folder.tensors) {
    if (belongsToOtherHead(storedName)) {
      ignored.push(storedName);
      continue;
    }
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
    const tensor = { storedName, shape, type: dtype.toLowerCase(), offset, source };
    found.set(name, dtype === "F64" ? narrowed(tensor) : tensor);
  }
  return { found, ignored };
}

function narrowed(tensor: FoundTensor): FoundTensor {
  const source = new NarrowedSource(tensor.source, tensor.offset, numElements(tensor.shape));
  return { ...tensor, type: "f32", offset: 0, source };
}

/**
 * Of two names for one matrix, files may hold either. A model whose projection is a matrix of its own must have both.
 *
 * @throws {FileFormatError} if one is missing
 */
function requireProjection(found: Map<string, FoundTensor>, tied: boolean, path: string): void {
  const embedding = huggingFaceName({ part: "tokenEmbedding" });
  const projection = huggingFaceName({ part: "vocabularyProjection" });
  const stored = found.get(projection);
  if (tied && !found.has(embedding) && stored !== undefined) {
    found.set(embedding, stored);
    found.delete(projection);
  }
  if (tied || stored !== undefined) return;
  throw formatError(
    "GPT-2",
    path,
    `config.json says that the vocabulary projection is not the token embedding ` +
      `(tie_word_embeddings is false), but there is no ${projection}`,
    `${found.size} tensors`,
    "Get the whole checkpoint; if the two are the same matrix, remove tie_word_embeddings.",
  );
}

/** Finds out before anything is read whether the weights are in a format that can be. */
function requireSafetensors(path: string): void {
  const names = namesIn(path).sort();
  const areThere = names.includes(SAFETENSORS_FILE_NAME) || names.includes(SAFETENSORS_INDEX_NAME);
  if (areThere && names.includes("config.json")) return;
  const other = areThere ? undefined : names.find((name) => OTHER_WEIGHTS.test(name));
  if (other !== undefined) {
    throw new FileFormatError(
      `Cannot read ${quotePath(path)}: its weights are not safetensors: received "${other}". ` +
        "Save them again: in Python, with Hugging Face transformers, " +
        "GPT2LMHeadModel.from_pretrained(folder).save_pretrained(folder).",
      { path },
    );
  }
  if (names.includes("adapter_config.json") && !names.includes("config.json")) {
    throw formatError(
      "GPT-2",
      path,
      "it is an adapter for a model",
      "no model",
      "Pass the model, and this with --adapter.",
    );
  }
  if (!names.includes("config.json")) {
    const gguf = names.find((name) => name.endsWith(".gguf"));
    throw new Deno.errors.NotFound(
      `Cannot open ${quotePath(path)} as a model: it has no config.json: received a folder with ` +
        `${names.length === 1 ? "1 entry" : `${names.length} entries`}. ` +
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
