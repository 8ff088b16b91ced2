/**
 * Small checkpoints to change and to damage, made from those in `tests/fixtures/reference`.
 *
 * @module
 */
import { readSafetensorsHeader, type SafetensorsDType } from "../../src/formats/safetensors.ts";
import { openRegularFile } from "../../src/base/byte_source.ts";
import { writeSafetensors } from "../../src/formats/safetensors_writer.ts";
import { referencePath } from "../model/reference.ts";

/** The F32 checkpoint that most tests start from: 2 layers, 32 dims, 288 tokens, `n_inner` 64. */
export const plainFolder: string = referencePath("hf_folder");

/** A tensor in memory. */
export interface TestTensor {
  shape: readonly number[];
  dtype: SafetensorsDType;
  bytes: Uint8Array<ArrayBuffer>;
}

/** What to change in a copy of {@linkcode plainFolder}. */
export interface Changes {
  /** Keys of `config.json`; undefined removes one. */
  config?: Record<string, unknown>;
  /** Changes the tensors in place. */
  tensors?: (tensors: Map<string, TestTensor>) => void;
  /** Files to remove. */
  remove?: string[];
  /** Files to write. */
  files?: Record<string, string>;
}

/** A folder that is removed at the end of a test. */
export class TemporaryFolder implements Disposable {
  readonly path: string = Deno.makeTempDirSync();

  /** The path of a file in the folder. */
  file(name: string): string {
    return `${this.path}/${name}`;
  }

  /** The names of everything in the folder. */
  names(): string[] {
    return Array.from(Deno.readDirSync(this.path), ({ name }) => name).sort();
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** Writes a changed copy of {@linkcode plainFolder} and returns its path. */
export async function copyFolder(folder: TemporaryFolder, changes: Changes = {}): Promise<string> {
  const path = folder.file("model");
  Deno.mkdirSync(path);
  for (const name of ["config.json", "tokenizer.json", "model.safetensors"]) {
    Deno.copyFileSync(`${plainFolder}/${name}`, `${path}/${name}`);
  }
  if (changes.config) {
    const config = JSON.parse(Deno.readTextFileSync(`${path}/config.json`));
    Deno.writeTextFileSync(`${path}/config.json`, JSON.stringify({ ...config, ...changes.config }));
  }
  if (changes.tensors) {
    const tensors = readTensors(`${path}/model.safetensors`);
    changes.tensors(tensors);
    await writeTensors(`${path}/model.safetensors`, tensors);
  }
  for (const name of changes.remove ?? []) Deno.removeSync(`${path}/${name}`);
  for (const [name, text] of Object.entries(changes.files ?? {})) {
    Deno.writeTextFileSync(`${path}/${name}`, text);
  }
  return path;
}

/** All tensors of a safetensors file. */
export function readTensors(path: string): Map<string, TestTensor> {
  using source = openRegularFile(path);
  const tensors = new Map<string, TestTensor>();
  for (
    const [name, { shape, dtype, offset, byteLength }] of readSafetensorsHeader(source).tensors
  ) {
    tensors.set(name, { shape, dtype, bytes: source.read(offset, byteLength) });
  }
  return tensors;
}

async function writeTensors(path: string, tensors: Map<string, TestTensor>): Promise<void> {
  await writeSafetensors(
    path,
    [...tensors].map(([name, { shape, dtype, bytes }]) => ({
      name,
      shape,
      dtype,
      produce: () => bytes,
    })),
    new Map([["format", "pt"]]),
  );
}

/** The values of an F32 tensor, to be changed in place. */
export function valuesOf(tensors: Map<string, TestTensor>, name: string): Float32Array {
  return new Float32Array(tensors.get(name)!.bytes.buffer);
}
