/**
 * Adapters that clients may ask for by name.
 *
 * @module
 */
import { describe, quote } from "../base/describe.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import type { Engine } from "../engine/engine.ts";
import type { Adapter, ScaledAdapter } from "../model/adapter.ts";
import { applyAdapters } from "../model/applied_adapters.ts";
import { ApiError, fieldError } from "./api_error.ts";

/** Adapters by name, each alone or with the scale that it has where a request does not say. */
export type ServedAdapters = Readonly<Record<string, Adapter | ScaledAdapter>>;

/** What the texts of a request are read with. */
export interface ChosenAdapters {
  /** The same for the same adapters and scales: only then what was read for one request is of use to another. */
  readonly key: string;
  readonly list: readonly ScaledAdapter[];
}

/** What a server has that may be asked for. */
export interface ModelNames {
  /** The name of the model. */
  readonly modelName: string;
  /** Its adapters by name. */
  readonly adapters: ReadonlyMap<string, Required<ScaledAdapter>>;
}

const MAX_SCALE = 1000;

/**
 * Adapters with their scales, by name.
 *
 * @throws {TypeError} if one is no adapter of the model
 * @throws {RangeError} if a scale is no finite number, or a name is that of the model or empty
 */
export function checkAdapters(
  adapters: ServedAdapters,
  modelName: string,
  { model }: Engine,
): ReadonlyMap<string, Required<ScaledAdapter>> {
  const action = "serve a model";
  return new Map(
    Object.entries(adapters).map(([name, given]) => {
      if (name === modelName || name === "") {
        throw new InvalidArgumentError(
          `Cannot ${action}: an adapter needs a name of its own: received ${quote(name)}.`,
        );
      }
      applyAdapters(action, model, [given]);
      const { adapter, scale = 1 } = "adapter" in given ? given : { adapter: given };
      return [name, { adapter, scale }];
    }),
  );
}

/**
 * What a request asks for: by the name of the model, which may be that of an adapter, or by scales for the names of some.
 *
 * @param name of the model
 * @param scales what each adapter is multiplied by, by name; all others are left out
 * @returns nothing if it does not say
 * @throws {ApiError} 404 if there is no such model, 400 if there is no such adapter, or a scale is no number
 */
export function chooseAdapters(
  names: ModelNames,
  name: string | undefined,
  scales: Readonly<Record<string, unknown>> | undefined,
): ChosenAdapters | undefined {
  checkModelName(name, names);
  const own = names.adapters.get(name ?? "");
  if (scales === undefined) {
    return own && { key: JSON.stringify([[name, own.scale]]), list: [own] };
  }
  if (own !== undefined) {
    throw fieldError(
      "adapters",
      `adapters is for the model itself, ${quote(names.modelName)}: received the model ${
        quote(name!)
      }.`,
    );
  }
  const chosen = Object.entries(scales).map(([name, scale]): [string, Required<ScaledAdapter>] => {
    const found = names.adapters.get(name);
    if (found === undefined) {
      throw fieldError(
        "adapters",
        `There is no such adapter: received ${quote(name)}. The adapters are ${
          [...names.adapters.keys()].join(", ")
        }.`,
      );
    }
    if (!(typeof scale === "number" && Math.abs(scale) <= MAX_SCALE)) {
      throw fieldError(
        "adapters",
        `The scale of an adapter must be a number from -${MAX_SCALE} to ${MAX_SCALE}: received ${
          describe(scale)
        }.`,
      );
    }
    return [name, { adapter: found.adapter, scale }];
  }).filter(([, { scale }]) => scale !== 0).sort(([a], [b]) => a < b ? -1 : 1);
  return {
    key: JSON.stringify(chosen.map(([name, { scale }]) => [name, scale])),
    list: chosen.map(([, each]) => each),
  };
}

/**
 * Whether a request is for what is served: the model, or the model with one of its adapters.
 *
 * @throws {ApiError} 404 if it is not
 */
export function checkModelName(
  name: string | undefined,
  { modelName, adapters }: ModelNames,
): void {
  if (name === undefined || name === modelName || adapters.has(name)) return;
  throw noSuchModel({ modelName, adapters }, `: received ${JSON.stringify(name).slice(0, 200)}`);
}

/** @param received what there is to say about the name */
export function noSuchModel({ modelName, adapters }: ModelNames, received = ""): ApiError {
  const names = [modelName, ...adapters.keys()].map((name) => JSON.stringify(name));
  const known = names.length === 1
    ? `The model is ${names[0]}.`
    : `The models are ${names.join(", ")}.`;
  return new ApiError(404, `There is no such model here${received}. ${known}`, {
    type: "not_found_error",
    param: "model",
    code: "model_not_found",
  });
}
