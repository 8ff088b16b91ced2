/**
 * The functions of `native/gpt2.h` for a ggml that was built without them: in TypeScript, and with what ggml exports.
 *
 * What only C can do is left out: a failed assertion inside ggml ends the process with a signal, errors that ggml reports
 * are not printed, files are read instead of mapped, and there are no kernels faster than ggml's own.
 *
 * @module
 */
import type { ggmlPrebuiltSymbols } from "../ggml.ts";
import { abiVersion } from "../gpt2_native.ts";
import type { gpt2TrainingSymbols } from "../gpt2_training.ts";
import { ggmlTypeTraits } from "../structs.ts";
import type { Library, symbolsOfOurs } from "../symbols.ts";

type Gpt2Functions = Pick<Library, keyof typeof symbolsOfOurs>;

/** There are no kernels for training either. */
const WITHOUT_TRAINING_KERNELS: Pick<Library, keyof typeof gpt2TrainingSymbols> = {
  gpt2_has_training_kernels: () => false,
  gpt2_is_plain: () => false,
  gpt2_strided_product: () => null,
  gpt2_product_with_rows: () => null,
  gpt2_causal_attention: () => null,
  gpt2_causal_attention_gradients: () => null,
  gpt2_layer_norm_gradients: () => null,
  gpt2_cross_entropy: () => null,
  gpt2_cross_entropy_gradient: () => null,
  gpt2_gelu_gradient: () => null,
  gpt2_sum_over_rows: () => null,
  gpt2_add_rows_at: () => null,
  gpt2_sum_of_squares: () => null,
  gpt2_adam_w: () => null,
  gpt2_dropout: () => null,
};

/** What the functions are made from. */
export interface FallbackParts {
  readonly ggml: Deno.DynamicLibrary<typeof ggmlPrebuiltSymbols>["symbols"];
  /** The address of `ggml_is_empty`: an abort callback for {@linkcode AbortFlag}. */
  readonly isEmpty: Deno.PointerValue;
  /** The address of a function without parameters and without effect. */
  readonly nothing: Deno.PointerValue;
}

const F32 = 0;
const F32_BYTES = 4;

// void to_float(const void * x, float * y, int64_t k)
const toFloat = {
  parameters: ["buffer", "buffer", "i64"],
  result: "void",
  nonblocking: true,
} as const;

/** The functions, to be put beside ggml's own. */
export function gpt2Fallback(parts: FallbackParts): Gpt2Functions {
  const { ggml, isEmpty, nothing } = parts;
  return {
    ...WITHOUT_TRAINING_KERNELS,
    gpt2_abi_version: () => abiVersion,
    gpt2_abort_callback: () => isEmpty,
    gpt2_install_abort_handler: () => {},
    gpt2_silence_log: () => ggml.ggml_log_set(nothing, null),
    gpt2_use_kernels: () => {},
    gpt2_has_gelu_kernel: () => false,
    gpt2_has_ragged_attention: () => false,
    gpt2_ragged_attention: () => null,
    gpt2_has_logits_summary: () => false,
    gpt2_summarize_logits: () => null,
    gpt2_score_targets: () => null,
    gpt2_compare_logits: () => Promise.resolve(false),
    gpt2_use_huge_pages: () => {},
    gpt2_use_small_pages: () => {},
    gpt2_map_file: () => null,
    gpt2_unmap_file: () => {},
    gpt2_give_back_for_good: () => {},
    gpt2_dequantize_row_async: async (type, data, out, count) => {
      if (type === F32) {
        bytesOf(out).set(bytesOf(data).subarray(0, Number(count) * F32_BYTES));
        return;
      }
      const traits = new Deno.UnsafePointerView(ggml.ggml_get_type_traits(type)!);
      const address = traits.getPointer(ggmlTypeTraits.offsets.to_float);
      const convert = address as Deno.PointerObject<typeof toFloat>;
      await new Deno.UnsafeFnPointer(convert, toFloat).call(data, out, count);
    },
    gpt2_find_non_finite: findNonFinite,
    gpt2_find_non_finite_async: (words, count, stride, mask) =>
      Promise.resolve(findNonFinite(words, count, stride, mask)),
    // Parts are those of a mapped file, of which there is none.
    gpt2_load_parts: () => Promise.reject(new TypeError("Cannot load parts: no file is mapped.")),
  };
}

function findNonFinite(
  words: AllowSharedBufferSource | null,
  count: number | bigint,
  stride: number,
  mask: number,
): bigint {
  const bytes = bytesOf(words);
  const numBytes = 2 * ((Number(count) - 1) * stride + 1);
  // A typed array is read several times faster than a DataView, but has to begin at an even address.
  const aligned = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice(0, numBytes);
  const numbers = new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.byteLength >> 1);
  for (let i = 0, at = 0; i < count; i++, at += stride) {
    if ((numbers[at] & mask) === mask) return BigInt(i);
  }
  return -1n;
}

function bytesOf(data: AllowSharedBufferSource | null): Uint8Array {
  if (data === null) return new Uint8Array();
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}
