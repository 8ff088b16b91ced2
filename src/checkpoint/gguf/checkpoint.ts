/**
 * Opens GGUF files as checkpoints.
 *
 * @module
 */
import { openRegularFile } from "../../base/byte_source.ts";
import { readGgufHeader } from "../../formats/gguf.ts";
import { metadataString } from "../../formats/gguf_value.ts";
import { Checkpoint } from "../checkpoint.ts";
import { readSettingsMetadata } from "./settings_metadata.ts";
import { parseGgufConfig, readGgufTokenizer } from "./metadata.ts";
import { type FoundTensor, type Layout, locateWeights } from "../locate_weights.ts";
import { ggufName } from "../weight_names.ts";

const GGUF_LAYOUT: Layout = { nameOf: ggufName, isTransposed: () => false };

/**
 * Opens a GGUF file of architecture `gpt2`, made by this package or by llama.cpp.
 *
 * @throws {FileFormatError} if it is damaged, or holds another model
 * @throws {Deno.errors.NotFound} if there is no regular file at `path`
 */
export function openGgufCheckpoint(path: string): Checkpoint {
  using opened = new DisposableStack();
  const source = opened.use(openRegularFile(path));
  const file = readGgufHeader(source);
  const config = parseGgufConfig(file);
  const found = new Map<string, FoundTensor>();
  for (const [name, { shape, type, offset }] of file.tensors) {
    found.set(name, { storedName: name, shape, type, offset, source });
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

/** The name of a file without its folder and extension. */
function fileName(path: string): string {
  return path.replace(/^.*[/\\]/, "").replace(/\.gguf$/i, "");
}
