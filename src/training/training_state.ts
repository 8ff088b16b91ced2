/**
 * What training goes on from: one file with the weights, what the optimizer keeps, and how far it has come.
 *
 * @module
 */
import type { Hash } from "node:crypto";
import { openRegularFile } from "../base/byte_source.ts";
import { formatError, quotePath } from "../base/describe.ts";
import { FileFormatError } from "../base/errors.ts";
import type { WriteOptions } from "../base/atomic_file.ts";
import { eventLoopTurn } from "../base/event_loop.ts";
import { readSafetensorsHeader, type SafetensorsFile } from "../formats/safetensors.ts";
import { type SafetensorsTensorToWrite, writeSafetensors } from "../formats/safetensors_writer.ts";
import { readTensor, writeTensor } from "../tensor/data.ts";
import { sameShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { continueFrom, optimizerOf, type Trainer } from "./trainer.ts";

/** What else is to be known when training goes on: anything that JSON holds. */
export type TrainingRecord = Readonly<Record<string, unknown>>;

/** The version of the file's layout. */
const VERSION = 2;

/** The tensor behind all others: the SHA-256 of the record and of their bytes, in that order. */
const DIGEST = "sha256";
const DIGEST_BYTES = 32;

const METADATA_KEY = "allformers.training";

/** What is read or written in one step: a millisecond's work. */
const PIECE_BYTES = 2 ** 22;

/** The tensors of a trainer that change, under the names that they have in the file. */
function changingTensors(trainer: Trainer): Map<string, Tensor> {
  const { weights } = trainer;
  const optimizer = optimizerOf(trainer);
  return new Map(weights.flatMap(({ name, tensor }, i) => [
    [`weights.${name}`, tensor],
    [`first_moments.${name}`, optimizer.firstMoments.tensors[i]],
    [`second_moments.${name}`, optimizer.secondMoments.tensors[i]],
  ]));
}

/**
 * Writes the state of a trainer, complete or not at all. Between two steps only.
 *
 * @param record is kept beside it
 * @throws {StorageError} if the file cannot be written; a former one is there still
 */
export async function saveTrainingState(
  trainer: Trainer,
  path: string,
  record: TrainingRecord,
  options: WriteOptions = {},
): Promise<void> {
  const contents = JSON.stringify({ version: VERSION, step: trainer.numSteps, ...record });
  const hash = await hashOf(contents);
  const tensors = changingTensors(trainer).entries().map((
    [name, tensor],
  ): SafetensorsTensorToWrite => ({
    name,
    dtype: "F32",
    shape: tensor.shape,
    produce: () => elementsOf(tensor, hash),
  })).toArray();
  // Tensors are written in this order, and those of bytes last.
  tensors.push({
    name: DIGEST,
    dtype: "U8",
    shape: [DIGEST_BYTES],
    produce: () => Promise.resolve(hash.digest()),
  });
  await writeSafetensors(path, tensors, new Map([[METADATA_KEY, contents]]), options);
}

/** The hash of a state, which begins with what is kept beside it. */
async function hashOf(contents: string): Promise<Hash> {
  const { createHash } = await import("node:crypto");
  return createHash("sha256").update(contents);
}

/** The bytes of a tensor, which are hashed. A piece is overwritten by the next one. */
async function* elementsOf(tensor: Tensor, hash: Hash): AsyncGenerator<Uint8Array> {
  const piece = new Uint8Array(Math.min(PIECE_BYTES, tensor.byteLength));
  for (let start = 0; start < tensor.byteLength; start += piece.length) {
    const bytes = piece.subarray(0, Math.min(piece.length, tensor.byteLength - start));
    readTensor(tensor, bytes, start);
    hash.update(bytes);
    yield bytes;
    await eventLoopTurn();
  }
}

/**
 * What is kept beside a state.
 *
 * @throws {FileFormatError} if the file is damaged, or no state of training
 * @throws {Deno.errors.NotFound} if there is none
 */
export function readTrainingRecord(path: string): TrainingRecord & { readonly step: number } {
  using source = openRegularFile(path);
  return recordOf(readSafetensorsHeader(source), path);
}

/**
 * Puts a trainer into the state that was saved: weights, moments, and the number of steps. After an error it cannot be used.
 *
 * @throws {FileFormatError} if the file is damaged, or the state of another training
 * @throws {Deno.errors.NotFound} if there is none
 */
export async function loadTrainingState(trainer: Trainer, path: string): Promise<void> {
  using source = openRegularFile(path);
  const file = readSafetensorsHeader(source);
  const { step } = recordOf(file, path);
  const hash = await hashOf(file.metadata.get(METADATA_KEY)!);
  const tensors = changingTensors(trainer);
  const digest = file.tensors.get(DIGEST);
  const fits = file.tensors.size === tensors.size + 1 &&
    digest?.byteLength === DIGEST_BYTES &&
    tensors.entries().every(([name, { shape }]) => {
      const stored = file.tensors.get(name);
      return stored?.dtype === "F32" && sameShape(stored.shape, shape);
    });
  if (!fits) {
    throw new FileFormatError(
      `Cannot go on training from ${
        quotePath(path)
      }: it is the state of another model, or of one that was trained ` +
        "with other weights frozen. Use the settings that it was trained with.",
      { path },
    );
  }
  for (const [name, tensor] of tensors) {
    const { offset, byteLength } = file.tensors.get(name)!;
    for (let start = 0; start < byteLength; start += PIECE_BYTES) {
      const count = Math.min(PIECE_BYTES, byteLength - start);
      const bytes = source.read(offset + start, count);
      hash.update(bytes);
      writeTensor(tensor, bytes, start);
      await eventLoopTurn();
    }
  }
  const expected = source.read(digest!.offset, DIGEST_BYTES).toHex();
  if (hash.digest("hex") !== expected) {
    throw formatError(
      "the state of a training run",
      path,
      "it is damaged: its bytes do not have the SHA-256 that stands behind them",
      expected,
    );
  }
  continueFrom(trainer, step);
}

function recordOf(
  { metadata }: SafetensorsFile,
  path: string,
): TrainingRecord & { readonly step: number } {
  const text = metadata.get(METADATA_KEY);
  const record = text === undefined ? undefined : parsed(text);
  if (record?.version === VERSION && Number.isSafeInteger(record.step)) return record;
  throw formatError(
    "the state of a training run",
    path,
    `its ${METADATA_KEY} is none that this version knows`,
    text,
  );
}

/** The value of a JSON text; nothing if it is none. */
function parsed(
  text: string,
): ReturnType<typeof recordOf> & { readonly version?: unknown } | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
