/**
 * Changed copies of GGUF files.
 *
 * @module
 */
import { openRegularFile } from "../../src/base/byte_source.ts";
import { readGgufHeader } from "../../src/formats/gguf.ts";
import type { GgufValue } from "../../src/formats/gguf_value.ts";
import { type GgufTensorToWrite, writeGguf } from "../../src/formats/gguf_writer.ts";

/** What a GGUF file holds, to be changed in place. */
export interface GgufParts {
  metadata: Map<string, GgufValue>;
  tensors: Map<string, GgufTensorToWrite & { bytes: Uint8Array<ArrayBuffer> }>;
}

/** Everything that is in a GGUF file. */
export function readGguf(path: string): GgufParts {
  using source = openRegularFile(path);
  const file = readGgufHeader(source);
  const tensors: GgufParts["tensors"] = new Map();
  for (const [name, { shape, type, offset, byteLength }] of file.tensors) {
    const bytes = source.read(offset, byteLength);
    tensors.set(name, { name, shape, type, bytes, produce: () => bytes });
  }
  return { metadata: new Map(file.metadata), tensors };
}

/** Writes a copy of a GGUF file, changed by `change`. */
export async function copyGguf(
  source: string,
  target: string,
  change: (parts: GgufParts) => void,
): Promise<void> {
  const parts = readGguf(source);
  change(parts);
  await writeGguf(target, { metadata: parts.metadata, tensors: [...parts.tensors.values()] });
}
