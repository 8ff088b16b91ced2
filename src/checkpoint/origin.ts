/**
 * Where the weights of models in memory came from. Weights that were repacked for this processor cannot be read back: to
 * save them they are read from there again.
 *
 * @module
 */
import { quotePath } from "../base/describe.ts";
import type { Model } from "../model/model.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { openCheckpoint } from "./open_checkpoint.ts";
import { noSettings, type Settings } from "./settings.ts";

/** What a checkpoint says of a model that the model itself does not know. */
export interface ModelDescription {
  /** What to call it, for people. */
  readonly name: string;
  /** What comes with it. */
  readonly settings: Settings;
}

/** A checkpoint on disk, as it was when it was loaded. */
interface Origin extends ModelDescription {
  readonly path: string;
  readonly fingerprint: string;
}

const origins = new WeakMap<Model, Origin>();

/** Notes which checkpoint a model was loaded from. */
export function rememberOrigin(model: Model, checkpoint: Checkpoint): void {
  const { path, name, settings } = checkpoint;
  origins.set(model, {
    path: Deno.realPathSync(path),
    name,
    settings,
    fingerprint: fingerprintOf(checkpoint),
  });
}

/** What the checkpoint that a model was loaded from says of it. */
export function descriptionOf(model: Model): ModelDescription {
  return origins.get(model) ?? { name: "GPT-2", settings: noSettings };
}

/**
 * Opens the checkpoint that a model was loaded from.
 *
 * @throws {Deno.errors.NotFound} if it is gone, or has changed since
 */
export function reopenOrigin(model: Model): Checkpoint {
  const origin = origins.get(model);
  if (origin === undefined) {
    throw new TypeError("Cannot read the weights back: the model was not loaded from a checkpoint");
  }
  const checkpoint = openCheckpoint(origin.path);
  if (fingerprintOf(checkpoint) === origin.fingerprint) return checkpoint;
  checkpoint[Symbol.dispose]();
  throw new Deno.errors.NotFound(
    `Cannot read the weights back from ${
      quotePath(origin.path)
    }: it is not the checkpoint that was ` +
      "loaded: received a file that was changed since. Load it again.",
  );
}

/** Which files a checkpoint consists of, however their paths are written, and when each was last written. */
function fingerprintOf({ weights }: Checkpoint): string {
  const paths = new Set(weights.values().map(({ source }) => Deno.realPathSync(source.path!)));
  return [...paths].map((path) => {
    const { size, mtime, ino } = Deno.statSync(path);
    return `${path} ${size} ${mtime?.getTime()} ${ino}`;
  }).join("\n");
}
