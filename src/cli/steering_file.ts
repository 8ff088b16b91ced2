/**
 * Steering vectors in files: JSON objects with `layer` and `vector`.
 *
 * @module
 */
import { writeFileAtomically } from "../base/atomic_file.ts";
import { describe, quote, quotePath } from "../base/describe.ts";
import { FileFormatError } from "../base/errors.ts";
import { isTaken, throughLinks } from "../base/files.ts";
import type { SteeringVector } from "../serve.ts";
import { UsageError } from "./arguments/usage_error.ts";
import { readFileOrStdin, sourceText } from "./read_text.ts";
import type { Io } from "./terminal/io.ts";
import { terminalText } from "./terminal/terminal_text.ts";
import { countText } from "./terminal/units.ts";

/** Of a model a hundred times as wide as GPT-2 XL. */
const MAX_BYTES = 2 ** 22;

/** A path, and how much of the vector in that file is added. */
export interface SteeringChoice {
  readonly path: string;
  readonly strength: number;
}

/**
 * What `--steer` says: a path, and perhaps a colon and a number.
 *
 * @throws {UsageError} if behind the last colon there is something else
 */
export function parseSteering(text: string): SteeringChoice {
  const [, path, , strength = "1"] = /^(.*?)(:([^:/\\]*))?$/s.exec(text)!;
  if (path !== "" && strength.trim() !== "" && Number.isFinite(Number(strength))) {
    return { path, strength: Number(strength) };
  }
  throw new UsageError(
    `--steer must be the path of a steering vector, and perhaps a strength behind a colon: received ${
      quote(text)
    }. Write for example king.json:4.`,
  );
}

/**
 * The steering vector in a file.
 *
 * @throws {FileFormatError} if it is none
 */
export async function readSteering(path: string, io: Io): Promise<SteeringVector> {
  const text = await readFileOrStdin(path, io, { maxBytes: MAX_BYTES, flag: "--steer" });
  const refuse = (problem: string, received: unknown) =>
    new FileFormatError(
      `Cannot read the steering vector of ${sourceText(path)}: ${problem}: received ${
        describe(received)
      }. It has to be a JSON object such as {"layer": 3, "vector": [0.1, ...]}.`,
      { path },
    );
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw refuse("it is no JSON", text);
  }
  const { layer, vector } = typeof value === "object" && value !== null ? value : {};
  if (!Number.isSafeInteger(layer) || layer < 0) throw refuse("it has no layer", layer);
  const isVector = Array.isArray(vector) && vector.length > 0 && vector.every(Number.isFinite);
  if (!isVector) throw refuse("its vector is no list of numbers", vector);
  return { layer, vector };
}

/** Where a steering vector goes, and whether a file there may be replaced. */
export interface SteeringTarget {
  /** `-` for stdout. */
  readonly path: string;
  readonly overwrite: boolean;
}

/**
 * Checks that there is room for a file, before the work begins.
 *
 * @throws {Deno.errors.AlreadyExists} if there is a file, which may not be replaced
 */
export function checkTarget({ path, overwrite }: SteeringTarget): void {
  if (path === "-" || overwrite || !isTaken(path)) return;
  throw new Deno.errors.AlreadyExists(
    `Cannot write the steering vector: there is such a file already: received ${
      quotePath(path)
    }. Name another one, or add --overwrite.`,
  );
}

/**
 * Writes a steering vector, and says where.
 *
 * @throws {StorageError} if the file cannot be written
 */
export async function writeSteering(
  { path }: SteeringTarget,
  { layer, vector }: SteeringVector,
  { stdout, stderr }: Io,
): Promise<void> {
  const text = JSON.stringify({ layer, vector: Array.from(vector) }) + "\n";
  if (path === "-") return await stdout.write(text);
  const bytes = new TextEncoder().encode(text);
  await writeFileAtomically(throughLinks(path), bytes.length, [bytes]);
  await stderr.write(`Wrote ${terminalText(path)}: ${countText(vector.length, "number")}.\n`);
}
