/** Builds GGUF files field by field, so that tests can put anything anywhere. Remembers where its integers are. */
export class GgufBytes {
  /** Where integers of the header are, for whoever wants to overwrite them. */
  readonly integers: { readonly offset: number; readonly numBytes: 4 | 8 }[] = [];
  #bytes: number[] = [];

  u8(value: number): this {
    this.#bytes.push(value);
    return this;
  }

  u32(value: number): this {
    this.integers.push({ offset: this.#bytes.length, numBytes: 4 });
    return this.raw(new Uint8Array(new Uint32Array([value]).buffer));
  }

  u64(value: number | bigint): this {
    this.integers.push({ offset: this.#bytes.length, numBytes: 8 });
    return this.raw(new Uint8Array(new BigUint64Array([BigInt(value)]).buffer));
  }

  text(text: string | Uint8Array): this {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    return this.u64(bytes.length).raw(bytes);
  }

  raw(bytes: ArrayLike<number>): this {
    for (let i = 0; i < bytes.length; i++) this.#bytes.push(bytes[i]);
    return this;
  }

  /** Zeros up to the next multiple of `alignment`, and then `numBytes` more. */
  data(numBytes: number, alignment = 32): this {
    const padding = (alignment - this.#bytes.length % alignment) % alignment;
    return this.raw(new Uint8Array(padding + numBytes));
  }

  /** Magic, version 3 and the two counts. */
  start(numTensors: number | bigint, numKeys: number | bigint): this {
    return this.raw(new TextEncoder().encode("GGUF")).u32(3).u64(numTensors).u64(numKeys);
  }

  /** A tensor of the list; the sizes in the order of the file, innermost first. */
  tensor(
    name: string,
    sizes: readonly (number | bigint)[],
    typeId: number,
    offset: number | bigint,
  ): this {
    this.text(name).u32(sizes.length);
    for (const size of sizes) this.u64(size);
    return this.u32(typeId).u64(offset);
  }

  /** A key with a u32. */
  u32Entry(key: string, value: number): this {
    return this.text(key).u32(4).u32(value);
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#bytes);
  }
}
