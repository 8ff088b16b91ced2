import { assertEquals } from "@std/assert";
import { AbortFlag } from "../../src/ffi/abort_flag.ts";
import { quantizeRows } from "../../src/ffi/quantize.ts";
import { gpt2Fallback } from "../../src/ffi/prebuilt/gpt2_fallback.ts";
import { openLibrary } from "../../src/native_library/native_library.ts";
import { symbolsOfPrebuilt } from "../../src/ffi/symbols.ts";
import { rowBytes, type TensorType, tensorTypeInfo } from "../../src/formats/tensor_type.ts";
import { built } from "../native_library/library_trial.ts";

const native = await openLibrary();
const addresses = Deno.dlopen(built, {
  ggml_is_empty: { type: "pointer" },
  ggml_time_us: { type: "pointer" },
}).symbols;
const fallback = gpt2Fallback({
  ggml: Deno.dlopen(built, symbolsOfPrebuilt).symbols,
  isEmpty: addresses.ggml_is_empty,
  nothing: addresses.ggml_time_us,
});

const NUM_ROWS = 3;
const WIDTH = 256;
const COUNT = NUM_ROWS * WIDTH;

/** Numbers that look random, in [-1, 1). */
function someNumbers(count: number): Float32Array<ArrayBuffer> {
  return Float32Array.from(
    { length: count },
    (_, i) => (Math.imul(i + 1, 2654435761) >> 8) / 2 ** 23,
  );
}

async function stored(type: TensorType): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(rowBytes(type, WIDTH) * NUM_ROWS);
  const { id } = tensorTypeInfo(type);
  await quantizeRows(id, someNumbers(COUNT), bytes, NUM_ROWS, WIDTH);
  return bytes;
}

for (const type of ["f32", "f16", "bf16", "q8_0", "q4_0", "q5_1", "q4_k", "q6_k"] as const) {
  Deno.test(`gpt2Fallback() widens ${type} as the C function does`, async () => {
    const bytes = await stored(type);
    const { id } = tensorTypeInfo(type);
    const [expected, actual] = [new Float32Array(COUNT), new Float32Array(COUNT)];
    await native.gpt2_dequantize_row_async(id, bytes, expected, BigInt(COUNT));
    await fallback.gpt2_dequantize_row_async(id, bytes, actual, BigInt(COUNT));
    assertEquals(actual, expected);
    assertEquals(actual.every((value) => value === 0), false);
  });
}

const F16_EXPONENT = 0x7c00;
/** An infinity in half precision, and no infinity in any other reading of the same bytes. */
const INFINITY = 0x7c00;

for (const stride of [1, 2, 17]) {
  for (const position of [undefined, 0, 5, 4999]) {
    const where = position === undefined ? "nowhere" : `at ${position}`;
    Deno.test(`gpt2Fallback() finds an infinity ${where}, stride ${stride}`, async () => {
      const NUM_WORDS = 5000;
      for (const byteOffset of [0, 1, 2]) {
        const bytes = new Uint8Array(2 * NUM_WORDS * stride + 2).subarray(byteOffset);
        // What lies between the words that count.
        const view = new DataView(bytes.buffer, byteOffset);
        for (let i = 1; i < stride; i++) view.setUint16(2 * i, INFINITY, true);
        if (position !== undefined) view.setUint16(2 * position * stride, INFINITY, true);
        const args = [bytes, BigInt(NUM_WORDS), stride, F16_EXPONENT] as const;
        const expected = BigInt(position ?? -1);
        assertEquals(native.gpt2_find_non_finite(...args), expected);
        assertEquals(fallback.gpt2_find_non_finite(...args), expected);
        assertEquals(await fallback.gpt2_find_non_finite_async(...args), expected);
      }
    });
  }
}

Deno.test("AbortFlag is read in the same way by both abort callbacks", () => {
  const definition = { parameters: ["pointer"], result: "bool" } as const;
  const callbacks = [native, fallback].map((library) => {
    const address = library.gpt2_abort_callback() as Deno.PointerObject<typeof definition>;
    return new Deno.UnsafeFnPointer(address, definition);
  });
  const flag = new AbortFlag();
  const isSet = () => callbacks.map((callback) => callback.call(flag.pointer));
  assertEquals(isSet(), [false, false]);
  flag.set();
  assertEquals(isSet(), [true, true]);
  flag.clear();
  assertEquals(isSet(), [false, false]);
  flag.free();
});
