/**
 * Where the fields of C structs lie that are written byte by byte. `scripts/check_symbols.ts` compares them with the
 * headers.
 *
 * @module
 */

/** The layout of a C struct. */
export interface StructLayout {
  /** The name after `struct`. */
  readonly name: string;
  /** Its size. */
  readonly byteLength: number;
  /** The fields in use, in bytes from its beginning. */
  readonly offsets: Readonly<Record<string, number>>;
}

/** `struct ggml_init_params { size_t mem_size; void * mem_buffer; bool no_alloc; }` */
export const ggmlInitParams = {
  name: "ggml_init_params",
  byteLength: 24,
  offsets: { mem_size: 0, mem_buffer: 8, no_alloc: 16 },
} as const satisfies StructLayout;

/** `struct ggml_threadpool_params { bool cpumask[512]; int n_threads; enum ggml_sched_priority prio; uint32_t poll; ... }` */
export const ggmlThreadpoolParams = {
  name: "ggml_threadpool_params",
  byteLength: 528,
  offsets: { poll: 520 },
} as const satisfies StructLayout;

/** `struct ggml_tensor { enum ggml_type type; struct ggml_backend_buffer * buffer; int64_t ne[4]; size_t nb[4]; ... }` */
export const ggmlTensor = {
  name: "ggml_tensor",
  byteLength: 336,
  offsets: { type: 0, ne: 16 },
} as const satisfies StructLayout;

/** `struct ggml_type_traits { ...; bool is_quantized; ggml_to_float_t to_float; ggml_from_float_t from_float_ref; }` */
export const ggmlTypeTraits = {
  name: "ggml_type_traits",
  byteLength: 56,
  offsets: { to_float: 40 },
} as const satisfies StructLayout;
