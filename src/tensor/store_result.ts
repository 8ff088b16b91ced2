/**
 * Results that outlive their graph.
 *
 * @module
 */
import { type Buffer, placeResult } from "./buffer.ts";
import type { Graph } from "./graph.ts";
import { copyInto } from "./ops.ts";
import { recorderOf } from "./recorder.ts";
import { sameShape } from "./shape.ts";
import { isDense, recordOf, type Tensor, type TensorRecord } from "./tensor.ts";
import { contiguous } from "./views.ts";

/** Operations whose results lie in the memory of a buffer already. */
const placed = new WeakSet<TensorRecord>();

/**
 * Has a result in a tensor of a buffer after each run: computed right into its memory where that can be, copied there
 * otherwise.
 *
 * @param graph where the result is computed; it has no memory yet
 * @param x the result
 * @param buffer whose memory it is
 * @param target one of the buffer's tensors, of the shape and type of `x`
 * @throws {TypeError} if it is no such tensor, or the graph has its memory already
 */
export function storeResult(graph: Graph, x: Tensor, buffer: Buffer, target: Tensor): void {
  buffer.checkWritable();
  const fits = buffer.tensors.includes(target) && sameShape(x.shape, target.shape) &&
    x.dtype === target.dtype;
  if (!fits) {
    throw new TypeError(`Cannot store ${x} in ${target}: it is no tensor like it of that buffer.`);
  }
  const result = placeable(graph, x);
  if (result === undefined) return graph.expand(copyInto(target, contiguous(x)));
  placeResult(buffer, result, target);
  placed.add(result);
  graph.expand(x);
}

/** The operation that computes all elements of `x` in their order; nothing if its memory is not its own to choose. */
function placeable(graph: Graph, x: Tensor): TensorRecord | undefined {
  if (graph.backend.usesDevices || !isDense(x)) return undefined;
  let record = recordOf(x);
  while (record.details.viewOf !== undefined) {
    if (!record.details.isWhole) return undefined;
    record = record.details.viewOf;
  }
  const isComputed = record.sources.length > 0 && record.details.isBorrowed !== true;
  const isOwn = recorderOf(x) !== undefined && record.owner === recordOf(x).owner;
  return isComputed && isOwn && !placed.has(record) ? record : undefined;
}
