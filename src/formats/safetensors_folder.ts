/**
 * Reads a model's tensors from a folder: one `model.safetensors`, or several files with an index, as Hugging Face
 * transformers writes models of more than a few gigabytes.
 *
 * @module
 */

import { type FileSource, openRegularFile } from "../base/byte_source.ts";
import { describe, formatError, quote, quotePath } from "../base/describe.ts";
import { isTaken } from "../base/files.ts";
import { readSafetensorsHeader, type SafetensorsTensor } from "./safetensors.ts";
import {
  readSafetensorsIndex,
  SAFETENSORS_FILE_NAME,
  SAFETENSORS_INDEX_NAME,
} from "./safetensors_index.ts";

/** All tensors of a folder, whichever file each is in. It keeps the files open: dispose it. */
export class SafetensorsFolder implements Disposable {
  /** The metadata of the first file that has any. */
  readonly metadata: ReadonlyMap<string, string>;
  /** The tensors by name. Their offsets count within {@linkcode SafetensorsFolder.sourceOf} their name. */
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
  #sources: ReadonlyMap<string, FileSource>;

  /** Use {@linkcode openSafetensorsFolder}. */
  constructor(
    metadata: ReadonlyMap<string, string>,
    tensors: ReadonlyMap<string, SafetensorsTensor>,
    sources: ReadonlyMap<string, FileSource>,
  ) {
    this.metadata = metadata;
    this.tensors = tensors;
    this.#sources = sources;
  }

  /**
   * The open file that a tensor is in.
   *
   * @throws {RangeError} if there is no tensor of this name
   */
  sourceOf(name: string): FileSource {
    const source = this.#sources.get(name);
    if (source === undefined) {
      throw new RangeError(
        `Cannot find a tensor: no file of the folder has it: received ${quote(name)}`,
      );
    }
    return source;
  }

  /**
   * The bytes of a tensor.
   *
   * @throws {RangeError} if there is no tensor of this name
   */
  read(name: string): Uint8Array<ArrayBuffer> {
    const source = this.sourceOf(name);
    const { offset, byteLength } = this.tensors.get(name)!;
    return source.read(offset, byteLength);
  }

  /** Closes the files. A second call does nothing. */
  [Symbol.dispose](): void {
    for (const source of this.#sources.values()) source[Symbol.dispose]();
  }
}

/**
 * Opens the safetensors files of a folder and reads their headers: `model.safetensors` where it is there, else the files
 * that `model.safetensors.index.json` names.
 *
 * @throws {Deno.errors.NotFound} if the folder has neither, or a file that the index names is missing
 * @throws {FileFormatError} if a file is damaged, the index names a file outside the folder, or index and files disagree
 */
export function openSafetensorsFolder(folder: string): SafetensorsFolder {
  using opened = new DisposableStack();
  const metadata = new Map<string, string>();
  const tensors = new Map<string, SafetensorsTensor>();
  const sources = new Map<string, FileSource>();
  const shards = findShards(folder);
  for (const [fileName, listed] of shards) {
    const source = opened.use(openRegularFile(joined(folder, fileName)));
    const file = readSafetensorsHeader(source);
    if (listed !== undefined) requireSameNames(source.path, listed, new Set(file.tensors.keys()));
    if (metadata.size === 0) { for (const [key, value] of file.metadata) metadata.set(key, value); }
    for (const [name, tensor] of file.tensors) {
      tensors.set(name, tensor);
      sources.set(name, source);
    }
  }
  opened.move(); // From here on the folder owns the files.
  return new SafetensorsFolder(metadata, tensors, sources);
}

/** The files to open, each with the names of the tensors that the index expects in it, where there is an index. */
function findShards(folder: string): Map<string, Set<string> | undefined> {
  if (isTaken(joined(folder, SAFETENSORS_FILE_NAME))) {
    return new Map([[SAFETENSORS_FILE_NAME, undefined]]);
  }
  const indexPath = joined(folder, SAFETENSORS_INDEX_NAME);
  if (isTaken(indexPath)) return readSafetensorsIndex(indexPath);
  throw new Deno.errors.NotFound(
    `Cannot open ${quotePath(folder)} as a model: ` +
      `it has neither ${SAFETENSORS_FILE_NAME} nor ${SAFETENSORS_INDEX_NAME}: ` +
      `received ${describe(listOf(folder))}. Pass a folder that save_pretrained() wrote.`,
  );
}

function requireSameNames(
  path: string,
  listed: ReadonlySet<string>,
  held: ReadonlySet<string>,
): void {
  const missing = [...listed.difference(held)];
  const extra = [...held.difference(listed)];
  if (missing.length === 0 && extra.length === 0) return;
  const [what, names] = missing.length > 0
    ? [`it lacks ${missing.length} tensors that the index expects in it`, missing]
    : [`it has ${extra.length} tensors that the index does not expect in it`, extra];
  throw formatError("safetensors", path, `${what}, ${describe(names)}`, held.size);
}

function joined(folder: string, fileName: string): string {
  return `${folder.replace(/[/\\]+$/, "")}/${fileName}`;
}

/** What is in the folder instead, for the message. */
function listOf(folder: string): string[] | undefined {
  try {
    return Array.from(Deno.readDirSync(folder), (entry) => entry.name).sort();
  } catch {
    return undefined;
  }
}
