import { assert } from "@std/assert";
import { Backend } from "../../src/tensor/backend.ts";
import { Buffer } from "../../src/tensor/buffer.ts";
import { writeTensor } from "../../src/tensor/data.ts";

const LARGE_PAGE_BYTES = 2 ** 21;
const NUM_LARGE_PAGES = 128;

Deno.test("a sparse Buffer takes memory for what is written, not for what is near", () => {
  using backend = Backend.cpu({ threads: 1 });
  const spec = { shape: [NUM_LARGE_PAGES, LARGE_PAGE_BYTES / 4], dtype: "f32" as const };
  using buffer = new Buffer(backend, [spec], backend.host, { isSparse: true });
  const before = Deno.memoryUsage().rss;
  const something = new Uint8Array(4).fill(1);
  for (let page = 0; page < NUM_LARGE_PAGES; page++) {
    writeTensor(buffer.tensors[0], something, page * LARGE_PAGE_BYTES);
  }
  const grownBytes = Deno.memoryUsage().rss - before;
  assert(grownBytes < NUM_LARGE_PAGES * LARGE_PAGE_BYTES / 4, `it grew by ${grownBytes} bytes`);
});
