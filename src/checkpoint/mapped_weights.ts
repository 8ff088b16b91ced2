/**
 * The weights of a GGUF file where they are: in the file, mapped into memory.
 *
 * @module
 */
import { MappedFile } from "../ffi/mapped_file.ts";
import { FileSource } from "../formats/byte_source.ts";
import type { ParameterSpec } from "../model/parameters.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { requireFinite } from "./convert_rows.ts";
import { findNonFiniteAmong, type WeightType } from "./quantize.ts";
import { byteLengthOf } from "./weight_source.ts";

/** A mapped GGUF file, as the place of those weights that are used in the type in which they are stored. */
export class MappedWeights implements Disposable {
  /** The file. */
  readonly file: MappedFile;
  readonly #checkpoint: Checkpoint;
  readonly #typeOf: (spec: ParameterSpec) => WeightType;

  private constructor(
    file: MappedFile,
    checkpoint: Checkpoint,
    typeOf: (spec: ParameterSpec) => WeightType,
  ) {
    this.file = file;
    this.#checkpoint = checkpoint;
    this.#typeOf = typeOf;
  }

  /**
   * Maps the file of a checkpoint.
   *
   * @param checkpoint has to outlive the result
   * @param typeOf the type in which a weight is to be used
   * @returns undefined if it is no GGUF file, or the system does not map it
   */
  static open(
    checkpoint: Checkpoint,
    typeOf: (spec: ParameterSpec) => WeightType,
  ): MappedWeights | undefined {
    if (checkpoint.gguf === undefined) return undefined;
    const { source } = checkpoint.weights.get("tokenEmbedding")!;
    if (!(source instanceof FileSource)) return undefined;
    const file = MappedFile.open(source.path, source.identity());
    return file && new MappedWeights(file, checkpoint, typeOf);
  }

  /** Where a weight begins in the file; nothing if it is to be used in another type. */
  offsetOf(spec: ParameterSpec): number | undefined {
    const { dtype, isTransposed, offset } = this.#checkpoint.weights.get(spec.name)!;
    return dtype === this.#typeOf(spec) && !isTransposed ? offset : undefined;
  }

  /** The bytes of a weight in the file; nothing if it is to be used in another type. */
  view(spec: ParameterSpec): Uint8Array<ArrayBuffer> | undefined {
    const offset = this.offsetOf(spec);
    return offset === undefined
      ? undefined
      : this.file.view(offset, byteLengthOf(spec, this.#typeOf(spec)));
  }

  /** Gives the memory that holds a weight back to the system, until it is looked at again. */
  giveBack(spec: ParameterSpec): void {
    const offset = this.offsetOf(spec);
    if (offset === undefined) return;
    this.file.giveBack(offset, byteLengthOf(spec, this.#typeOf(spec)));
  }

  /**
   * Looks through the weights that are used as they are, on another thread.
   *
   * @throws {FileFormatError} if one holds an infinity or NaN
   */
  async requireFinite(): Promise<void> {
    const weights = [...this.#checkpoint.weights.values()].flatMap(({ spec, dtype }) => {
      const data = this.view(spec);
      return data === undefined ? [] : [{ spec, dtype, data }];
    });
    const found = await findNonFiniteAmong(weights);
    if (found !== undefined) await requireFinite(this.#checkpoint, found.spec.name, found.data);
  }

  /** Unmaps the file. */
  [Symbol.dispose](): void {
    this.file[Symbol.dispose]();
  }
}
