// Arguments that are something else than they have to be, or than they say: none gets through to native code.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Backend } from "../../src/tensor/backend.ts";
import { Device } from "../../src/tensor/device.ts";
import { Graph } from "../../src/tensor/graph.ts";
import { add, scale } from "../../src/tensor/elementwise.ts";
import { layerNorm } from "../../src/tensor/normalization.ts";
import { broadcastTo } from "../../src/tensor/ops.ts";
import { lookup } from "../../src/tensor/tables.ts";
import { Place } from "../../src/tensor/place.ts";
import { RpcServers } from "../../src/tensor/rpc_servers.ts";
import { Tensor } from "../../src/tensor/tensor.ts";
import { mergeAxes, permute, reshape, splitAxis } from "../../src/tensor/views.ts";

const backend = Backend.cpu({ threads: 2 });

Deno.test("arguments of operations are checked", () => {
  using graph = new Graph(backend);
  const x = graph.input([2, 4], "f32", "x");
  const row = graph.input([4], "f32", "row");
  for (const epsilon of [-1, NaN, -Infinity]) {
    assertThrows(() => layerNorm(x, row, row, epsilon), RangeError, "epsilon must be 0 or more");
  }
  assertThrows(() => scale(x, "2" as unknown as number), TypeError, "a number is needed");
  assertThrows(() => splitAxis(x, 1, [-2, -2]), RangeError, "positive integer");
  assertThrows(() => splitAxis(x, 1, [1.6, 2.5]), RangeError, "positive integer");
  assertThrows(() => mergeAxes(x, 1, 0), TypeError, "Cannot merge 0 axes");
  for (const other of [undefined, null, {}, 5, Object.create(Tensor.prototype)]) {
    const y = other as Tensor;
    const needed = "a tensor is needed";
    assertThrows(() => add(x, y), TypeError, needed);
    assertThrows(() => add(y, x), TypeError, needed);
    assertThrows(() => lookup(y, x), TypeError, needed);
    assertThrows(() => reshape(y, [8]), TypeError, needed);
    assertThrows(() => graph.output(y), TypeError, needed);
    assertThrows(() => graph.readF32(y), TypeError, needed);
  }
});

Deno.test("nothing with an address can be forged or changed", () => {
  using graph = new Graph(backend);
  const x = graph.input([2, 4], "f32", "x");
  // deno-lint-ignore no-explicit-any
  for (const made of [Tensor, Place, Device, RpcServers, Backend] as any[]) {
    assertThrows(() => new made(), TypeError, "illegal constructor");
    assertThrows(() => new made(null, null, null, null), TypeError, "illegal constructor");
    assertThrows(() => new made({}, {}, { shape: [1] }), TypeError, "illegal constructor");
  }
  assertThrows(() => (x.shape as number[])[0] = 100, TypeError);
  assertThrows(() => (x.strides as number[]).reverse(), TypeError);
  assertThrows(() => Object.assign(x, { dtype: "f16" }), TypeError);
  const shape = [2, 4];
  const y = graph.input(shape, "f32", "y");
  shape[0] = 100;
  assertEquals(y.shape, [2, 4]);
});

Deno.test("elements of another type are not taken for those of the tensor", () => {
  using graph = new Graph(backend);
  const x = graph.input([2, 4], "f32", "x");
  const ids = graph.input([3], "i32", "ids");
  graph.output(add(x, x));
  graph.output(lookup(graph.input([5, 4], "f32", "table"), ids));
  graph.allocate();
  for (
    const data of [
      new Int32Array(8),
      new Float64Array(4),
      new Uint16Array(8),
      new DataView(new ArrayBuffer(8)),
    ]
  ) {
    const message =
      "elements of f32 are given as Float32Array, or as bytes in a Uint8Array: received ";
    assertThrows(() => graph.write(x, data), TypeError, message + data.constructor.name);
  }
  assertThrows(() => graph.write(ids, new Float32Array(3)), TypeError, "as Int32Array");
  graph.write(x, new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8).buffer));
});

Deno.test("what changes after its check, or says something else of itself than it is, is harmless", async () => {
  // deno-lint-ignore no-explicit-any
  const any = (value: unknown) => value as any;
  using graph = new Graph(backend);
  const x = graph.input([2, 3], "f32", "x");
  // A list that is another one each time it is read.
  for (let limit = 0; limit < 12; limit++) {
    let reads = 0;
    const changing = new Proxy([2, 3], {
      get: (list, key, receiver) =>
        key === "0" && reads++ >= limit ? 100_000 : Reflect.get(list, key, receiver),
    });
    const taken = [
      () => graph.input(changing, "f32", "y"),
      () => reshape(x, changing),
      () => broadcastTo(x, changing),
      () => splitAxis(reshape(x, [6]), 0, changing),
      () => permute(x, changing),
    ];
    for (const take of taken) {
      reads = 0;
      try {
        const { shape } = take();
        assert(shape.length === 2 && shape[1] === 3 && [2, 100_000].includes(shape[0]), `${shape}`);
      } catch (error) {
        assert(error instanceof TypeError || error instanceof RangeError, `${error}`);
      }
    }
  }
  const dying = new Graph(backend);
  const z = dying.input([2, 3], "f32", "z");
  const disposing = new Proxy([2, 3], {
    get: (list, key, receiver) => (dying[Symbol.dispose](), Reflect.get(list, key, receiver)),
  });
  assertThrows(() => reshape(z, disposing), TypeError, "disposed");
  assertThrows(() => dying.input(disposing, "f32", "y"), TypeError, "disposed");
  const dies = { toString: () => (graph[Symbol.dispose](), "y") };
  assertThrows(() => graph.output(x, any(dies)), TypeError, "its name is a text");
  assertThrows(() => graph.input([1], "f32", any(dies)), TypeError, "its name is a text");
  const y = graph.output(add(x, x));
  graph.allocate();
  class Lying extends Float32Array<ArrayBuffer> {
    constructor() {
      super(new ArrayBuffer(8));
    }
    override get byteLength() {
      return 24;
    }
  }
  assertThrows(() => graph.write(x, new Lying()), RangeError);
  assertThrows(() => graph.readF32(y, new Lying()), RangeError);
  assertThrows(() => graph.read(y, new Lying()), RangeError);
  const running = graph.computeAsync();
  using other = Backend.cpu({ threads: 1 });
  assertThrows(() => any(graph).backend = other, TypeError);
  assertThrows(() => any(backend).threads = 600, TypeError);
  assertThrows(() => any(backend.places)[0] = other.host, TypeError);
  await running;
  for (const value of [undefined, null, {}, 5]) {
    assertThrows(() => new Graph(any(value)), TypeError, "a backend is needed");
  }
});
