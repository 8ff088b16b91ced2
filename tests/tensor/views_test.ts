import { assertEquals, assertThrows } from "@std/assert";
import { Backend } from "../../src/tensor/backend.ts";
import { Buffer } from "../../src/tensor/buffer.ts";
import {
  borrow,
  canMergeAxes,
  contiguous,
  mergeAxes,
  permute,
  reshape,
  slice,
  splitAxis,
} from "../../src/tensor/views.ts";
import { broadcastTo, matmul } from "../../src/tensor/ops.ts";
import { evaluate, f32 } from "./evaluate.ts";

const backend = Backend.cpu({ threads: 1 });

Deno.test("permute() names for each axis of the result where it comes from", () => {
  const { shape, data } = evaluate(backend, [f32([2, 3, 4])], (x) => permute(x, [2, 0, 1]));
  assertEquals(shape, [4, 2, 3]);
  const at = (i: number, j: number, k: number) => data[(i * 2 + j) * 3 + k];
  for (let i = 0; i < 4; i++) {
    for (let j = 0; j < 2; j++) {
      for (let k = 0; k < 3; k++) assertEquals(at(i, j, k), (j * 3 + k) * 4 + i);
    }
  }
});

Deno.test("slice() takes a part along any axis", () => {
  const x = f32([3, 4]);
  assertEquals(evaluate(backend, [x], (x) => slice(x, 0, 1, 2)).data, [4, 5, 6, 7]);
  assertEquals(evaluate(backend, [x], (x) => slice(x, 1, 2, 4)).data, [2, 3, 6, 7, 10, 11]);
});

Deno.test("splitAxis() and mergeAxes() work on slices without a copy", () => {
  const part = evaluate(backend, [f32([2, 6])], (x) => splitAxis(slice(x, 1, 2, 6), 1, [2, 2]));
  assertEquals(part, { shape: [2, 2, 2], data: [2, 3, 4, 5, 8, 9, 10, 11] });
  evaluate(backend, [f32([2, 3, 4])], (x) => {
    assertEquals(canMergeAxes(x, 0, 3), true);
    assertEquals(canMergeAxes(slice(x, 2, 0, 2), 1, 2), false);
    assertEquals(canMergeAxes(slice(x, 2, 0, 2), 0, 2), true);
    assertEquals(canMergeAxes(permute(x, [0, 2, 1]), 1, 2), false);
    assertThrows(() => mergeAxes(permute(x, [1, 0, 2]), 0, 2), TypeError, "next to each other");
    return x;
  });
});

Deno.test("contiguous() copies only what is not in order", () => {
  evaluate(backend, [f32([2, 3])], (x) => {
    assertEquals(contiguous(x), x);
    const turned = permute(x, [1, 0]);
    assertEquals(turned.isContiguous, false);
    assertEquals(contiguous(turned).isContiguous, true);
    assertEquals(permute(turned, [1, 0]).isContiguous, true);
    return x;
  });
});

Deno.test("views refuse what would leave the tensor", () => {
  evaluate(backend, [f32([2, 3])], (x) => {
    assertThrows(() => reshape(x, [4, 2]), TypeError, "number of elements");
    assertThrows(() => reshape(permute(x, [1, 0]), [6]), TypeError, "side by side");
    assertThrows(() => reshape(x, [1, 1, 1, 1, 6]), TypeError, "1 to 4 axes");
    assertThrows(() => permute(x, [0, 0]), TypeError, "named once");
    assertThrows(() => slice(x, 1, 2, 4), RangeError, "within axis 1");
    assertThrows(() => slice(x, 1, 1.5, 2), RangeError, "within axis 1");
    assertThrows(() => slice(x, 2, 0, 1), RangeError, "no axis 2");
    assertThrows(() => splitAxis(x, 1, [2, 2]), TypeError, "multiply to 3");
    return x;
  });
});

Deno.test("an operation on weights alone says that it belongs to no graph", () => {
  using buffer = new Buffer(backend, [{ shape: [2, 2], dtype: "f32" }]);
  assertThrows(() => reshape(buffer.tensors[0], [4]), TypeError, "none of them is part of a graph");
});

Deno.test("the rows of a quantized tensor stay whole", () => {
  using buffer = new Buffer(backend, [{ shape: [2, 4, 32], dtype: "q8_0" }]);
  evaluate(backend, [f32([1])], (x) => {
    const quantized = borrow(buffer.tensors[0], x);
    assertEquals(slice(quantized, 1, 1, 3).shape, [2, 2, 32]);
    assertEquals(canMergeAxes(quantized, 0, 2), true);
    assertEquals(canMergeAxes(quantized, 1, 2), false);
    assertThrows(() => slice(quantized, 2, 0, 16), TypeError, "stays whole");
    assertThrows(() => splitAxis(quantized, 2, [2, 16]), TypeError, "stays whole");
    assertThrows(() => permute(quantized, [2, 0, 1]), TypeError, "stays whole");
    return x;
  });
});

Deno.test("an innermost axis of size 1 with an odd stride never reaches ggml", () => {
  evaluate(backend, [f32([1, 3])], (x) => {
    const column = permute(x, [1, 0]);
    assertThrows(() => broadcastTo(column, [3, 2]), TypeError, "not contiguous");
    assertThrows(() => matmul(column, column), TypeError, "not contiguous");
    return x;
  });
});
