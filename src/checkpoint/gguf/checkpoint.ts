/**
 * Opens GGUF files as checkpoints.
 *
 * @module
 */
import { formatError } from "../../base/describe.ts";
import type { FileFormatError } from "../../base/errors.ts";
import { metadataString } from "../../formats/gguf_value.ts";
import { Checkpoint } from "../checkpoint.ts";
import { readSettingsMetadata } from "./settings_metadata.ts";
import { openGgufParts } from "./parts.ts";
import { parseGgufConfig, readGgufTokenizer } from "./metadata.ts";
import { type FoundTensor, type Layout, locateWeights } from "../locate_weights.ts";
import { ggufName } from "../weight_layout.ts";

const GGUF_LAYOUT: Layout = {
  nameOf: ggufName,
  isTransposed: () => false,
  typeAdvice: "Convert the original checkpoint again, for example as q8_0.",
};

/**
 * Opens a GGUF file of architecture `gpt2`, made by this package or by llama.cpp; of a model that was split into several
 * files, any of them stands for all.
 *
 * @throws {FileFormatError} if it is damaged, or holds another model
 * @throws {Deno.errors.NotFound} if there is no regular file at `path`
 */
export function openGgufCheckpoint(path: string): Checkpoint {
  using opened = new DisposableStack();
  const parts = openGgufParts(path, opened);
  const [{ file }] = parts;
  const config = parseGgufConfig(file);
  const found = new Map<string, FoundTensor>();
  for (const { source, file: { tensors } } of parts) {
    for (const [name, { shape, type, offset }] of tensors) {
      if (found.has(name)) throw repeatedTensor(path, name);
      found.set(name, { storedName: name, shape, type, offset, source });
    }
  }
  const weights = locateWeights(config, found, GGUF_LAYOUT, path);
  const resources = opened.move();
  return new Checkpoint({
    path,
    name: metadataString(file, "general.name") ?? fileName(path),
    config,
    weights,
    settings: readSettingsMetadata(file, config.vocabSize),
    gguf: file,
    readTokenizer: () => readGgufTokenizer(file, config),
    close: () => resources.dispose(),
  });
}

function repeatedTensor(path: string, name: string): FileFormatError {
  return formatError("GPT-2", path, "two of its parts have the same tensor", name);
}

/** The name of a file without its folder and extension. */
function fileName(path: string): string {
  return path.replace(/^.*[/\\]/, "").replace(/\.gguf$/i, "");
}
