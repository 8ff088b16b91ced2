/**
 * Which files a folder has its tensors in.
 *
 * @module
 */
import { formatError, quote } from "../base/describe.ts";
import { readJsonFile } from "../base/strict_json.ts";

/** The file that holds all tensors of a small model. */
export const SAFETENSORS_FILE_NAME = "model.safetensors";

/** The file that says which tensor of a large model is in which file. */
export const SAFETENSORS_INDEX_NAME = "model.safetensors.index.json";

const MAX_SHARDS = 256;
const MAX_INDEX_BYTES = 32 * 1024 * 1024;

/**
 * Reads an index.
 *
 * @returns the names of the files, which are beside it, each with the names of the tensors that are in it
 * @throws {FileFormatError} if it is damaged, or names a file that is elsewhere
 */
export function readSafetensorsIndex(path: string): Map<string, Set<string>> {
  const index = readJsonFile(path, { maxBytes: MAX_INDEX_BYTES });
  const fail = (what: string, received: unknown) =>
    formatError("safetensors index", path, what, received);
  const weightMap = index instanceof Map ? index.get("weight_map") : undefined;
  if (!(weightMap instanceof Map) || weightMap.size === 0) {
    throw fail("weight_map is not a JSON object with tensors", weightMap);
  }
  const shards = new Map<string, Set<string>>();
  for (const [tensorName, fileName] of weightMap) {
    if (typeof fileName !== "string" || !isPlainFileName(fileName)) {
      throw fail(
        `tensor ${quote(tensorName)} is not in a plain .safetensors file of the same folder`,
        fileName,
      );
    }
    if (!shards.has(fileName)) shards.set(fileName, new Set());
    shards.get(fileName)!.add(tensorName);
  }
  if (shards.size > MAX_SHARDS) throw fail(`it names more than ${MAX_SHARDS} files`, shards.size);
  return shards;
}

/** A name that cannot lead out of its folder on any system: no separators, no drive letters, no NUL. */
function isPlainFileName(name: string): boolean {
  return /^[\w][\w.+-]{0,200}\.safetensors$/.test(name);
}
