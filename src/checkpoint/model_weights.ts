/**
 * The weights of a model in memory, to be saved.
 *
 * @module
 */
import type { GPT2Config } from "../model/config.ts";
import type { Model } from "../model/model.ts";
import { parameterSpecs } from "../model/parameters.ts";
import { rowBytes } from "../formats/tensor_type.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { readConverted } from "./row_converter.ts";
import { reopenOrigin } from "./origin.ts";
import { isWeightType } from "./quantize.ts";
import { byteLengthOf, rowsOf, type StoredWeight, type WeightSource } from "./weight_source.ts";

/** Reads weights from memory, or, where they were repacked, from the checkpoint they came from. Dispose of it. */
export class ModelWeights implements WeightSource, Disposable {
  /** The sizes of the model. */
  readonly config: GPT2Config;
  /** The weights by name, in the types in which they are in memory. */
  readonly weights: ReadonlyMap<string, StoredWeight>;
  /** Whether the vocabulary projection is the token embedding. */
  readonly tied: boolean;
  readonly #model: Model;
  #origin?: Checkpoint;
  /** The weight whose rows were asked for last, if it is not in memory. */
  #current?: { name: string; bytes: Uint8Array<ArrayBuffer> };

  /** @param model stays in use until this is disposed of */
  constructor(model: Model) {
    model.checkUsable();
    this.#model = model;
    this.config = model.config;
    const types = new Map(model.weights.specs.map(({ name, dtype }) => [name, dtype]));
    this.tied = !types.has("vocabularyProjection");
    this.weights = new Map(
      parameterSpecs(this.config, this).map((spec) => {
        const dtype = types.get(spec.name)!;
        if (!isWeightType(dtype)) throw new TypeError(`Cannot save weights of type ${dtype}`);
        return [spec.name, { spec, storedName: spec.name, dtype, isTransposed: false }];
      }),
    );
  }

  /** Fills `target` with rows of a weight, beginning with `firstRow`. */
  async readRows(name: string, firstRow: number, target: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#model.checkUsable();
    const { spec, dtype } = this.weights.get(name)!;
    const start = firstRow * rowBytes(dtype, rowsOf(spec).width);
    if (this.#model.weights.readPart(name, start, target)) return;
    if (this.#current?.name !== name) {
      this.#current = { name, bytes: await this.#readFromOrigin(name) };
    }
    target.set(this.#current.bytes.subarray(start, start + target.length));
  }

  /** Closes the checkpoint, if it had to be opened. */
  [Symbol.dispose](): void {
    this.#origin?.[Symbol.dispose]();
    this.#current = undefined;
  }

  async #readFromOrigin(name: string): Promise<Uint8Array<ArrayBuffer>> {
    this.#origin ??= reopenOrigin(this.#model);
    const { spec, dtype } = this.weights.get(name)!;
    const bytes = new Uint8Array(byteLengthOf(spec, dtype));
    await readConverted(this.#origin, name, dtype, bytes);
    return bytes;
  }
}
