import { quote } from "../base/describe.ts";

/** The bytes of a tensor: all at once, or in pieces so that they need not be in memory together. */
export type TensorContent = Uint8Array | Promise<Uint8Array> | AsyncIterable<Uint8Array>;

/** A tensor whose bytes are asked for when it is its turn to be written. */
export interface StreamedTensor {
  /** Its name. */
  readonly name: string;
  /** Makes its bytes. Called once; the result is dropped before the next tensor's is asked for. */
  readonly produce: () => TensorContent;
}

/**
 * The bytes of a tensor as its producer makes them.
 *
 * @throws {RangeError} as soon as they are not as many as the header says
 */
export async function* streamTensor(
  tensor: StreamedTensor,
  byteLength: number,
): AsyncGenerator<Uint8Array> {
  let numBytes = 0;
  const content = tensor.produce();
  const pieces = Symbol.asyncIterator in content ? content : [await content];
  for await (const piece of pieces) {
    numBytes += piece.length;
    if (numBytes > byteLength) break;
    yield piece;
  }
  if (numBytes !== byteLength) {
    throw new RangeError(
      `Cannot write tensor ${quote(tensor.name)}: its shape and type take ${byteLength} bytes: ` +
        `received ${numBytes}`,
    );
  }
}
