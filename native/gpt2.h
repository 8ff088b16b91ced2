/*
 * The few C functions that the package adds to ggml's own in the same shared library: what native
 * threads call (and therefore must not be JavaScript), and what only C can ask of the CPU.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define GPT2_API __declspec(dllexport)
#else
#define GPT2_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Raised whenever a function below, ggml's version or a build choice that the TypeScript side
 * relies on changes incompatibly; compared with the number in src/ffi/gpt2_native.ts on opening. */
#define GPT2_ABI_VERSION 15

GPT2_API int32_t gpt2_abi_version(void);

/* Whether the int32 at `flag` is set. A ggml abort callback: ggml asks it between the nodes of a
 * graph, from its own threads, so another thread can stop a computation by setting the number. */
GPT2_API bool gpt2_abort_if_set(void * flag);

/* The address of gpt2_abort_if_set, for ggml_backend_cpu_set_abort_callback. */
GPT2_API void * gpt2_abort_callback(void);

/* A failed assertion inside ggml prints one line and ends the process with exit code 70, without
 * a core dump or a backtrace. */
GPT2_API void gpt2_install_abort_handler(void);

/* ggml reports errors (to stderr) and nothing else. */
GPT2_API void gpt2_silence_log(void);

/* From now on ggml's CPU backend computes some operations by faster kernels than its own, if the library was
 * built for a CPU with AVX-512 VNNI, AVX2 or NEON: see kernels.cpp. */
GPT2_API void gpt2_use_kernels(void);

/* Whether there is such a kernel for GELU, which then is computed from its formula and not looked up. */
GPT2_API bool gpt2_has_gelu_kernel(void);

struct ggml_context;
struct ggml_tensor;

/* Whether there is a kernel for attention to slots with heads of this size, and keys and values of this ggml type. */
GPT2_API bool gpt2_has_ragged_attention(int64_t head_dim, int32_t type);

/* An operation: attention of positions to the rows of the slots that they name, of which each sees the first
 * ones. NULL where there is no kernel for it. In ggml's order of axes:
 *   query (head_dim, seq_q, heads, 1) F32; key, value (head_dim, rows, heads, slots), F16, F32 or Q8_0;
 *   slots (seq_q) I32, less than there are; counts (seq_q) I32, 0 to rows.
 * The result is (head_dim, heads, seq_q, 1). Of what is given only the first axes have to be contiguous. */
GPT2_API struct ggml_tensor * gpt2_ragged_attention(
    struct ggml_context * context, struct ggml_tensor * query, struct ggml_tensor * key, struct ggml_tensor * value,
    struct ggml_tensor * slots, struct ggml_tensor * counts, float scale);

/* Whether there are kernels that summarize logits, and that score targets. */
GPT2_API bool gpt2_has_logits_summary(void);

/* An operation: what choosing a token needs of each row of logits. NULL where there is no kernel for it.
 *   logits (more than `vocab_size`, rows) F32, of which the first `vocab_size` of each row count;
 *   `count`, 1 to `vocab_size`: how many of the largest are wanted.
 * The result is (2 count + 2, rows) I32: in ascending order the ids of the largest, of equal ones those with lower
 * ids; their logits, F32; and the logarithm of the sum of e^(logit - largest), F64, NaN if a logit is not finite:
 * then nothing else means anything. */
GPT2_API struct ggml_tensor * gpt2_summarize_logits(
    struct ggml_context * context, struct ggml_tensor * logits, int32_t vocab_size, int32_t count);

/* How many elements a score has. */
#define GPT2_SCORE_ELEMENTS 8

/* An operation: how likely one token is by each row of logits. NULL where there is no kernel for it.
 *   logits (more than `vocab_size`, rows) F32, of which the first `vocab_size` of each row count;
 *   targets (rows) I32: the token, or -1 where none counts.
 * The result is (GPT2_SCORE_ELEMENTS, rows) I32: the logit of the target and the largest logit, F32; 1 and how many
 * tokens are likelier, of equal logits those with lower ids, I32; nothing; the logarithm of the sum of
 * e^(logit - largest) and the entropy of the probabilities in nats, F64, both NaN where no token counts or a logit is not
 * finite: then nothing else means anything. */
GPT2_API struct ggml_tensor * gpt2_score_targets(
    struct ggml_context * context, struct ggml_tensor * logits, struct ggml_tensor * targets, int32_t vocab_size);

/* How many numbers a comparison has. */
#define GPT2_COMPARISON_ELEMENTS 4

/* How the logits of two models differ, row by row: `base` and `other` are (rows, vocab_size), `targets` has the token of
 * each row that counts. Of each row `out` gets the log-probability of the target by base and by other, the Kullback-Leibler
 * divergence of other from base in nats, and 1 if the same token is the likeliest by both, or 0; of equally likely ones the
 * first counts. All four are NaN if a logit is not finite, or there is no such token.
 * Returns false, and does nothing, where there is no kernel for it. Several threads may compute rows of their own. */
GPT2_API bool gpt2_compare_logits(
    const float * base, const float * other, int64_t rows, int64_t vocab_size, const int32_t * targets, double * out);

/* Asks the system to back `size` bytes of fresh memory with pages of 2 MiB where it can: finding the
 * pages of 4 KiB that weights lie in slows reading them down by a third. */
GPT2_API void gpt2_use_huge_pages(void * start, size_t size);

/* Asks the system to back fresh memory with pages of 4 KiB, also where it would rather use larger ones: of memory that is
 * written here and there, whole large pages would be taken, and cleared. */
GPT2_API void gpt2_use_small_pages(void * start, size_t size);

/* Maps a file into memory to be read, if it still is the one of this size, device and inode; NULL if not,
 * and where the system does not map files. */
GPT2_API void * gpt2_map_file(const char * path, uint64_t size, uint64_t device, uint64_t inode);

/* Undoes gpt2_map_file. */
GPT2_API void gpt2_unmap_file(void * start, size_t size);

/* Gives the memory of whole pages of a mapped file back to the system, which reads them again if they
 * are looked at again. */
GPT2_API void gpt2_give_back(void * start, size_t size);

/* The same, for a file of which single pages will be looked at, here and there: they are then mapped one by
 * one, and not with the 2 MiB around them, which would count as memory of this process. */
GPT2_API void gpt2_give_back_for_good(void * start, size_t size);

/* Widens `count` elements of the ggml type `type`, whole blocks of them, to F32. */
GPT2_API void gpt2_dequantize_row(int32_t type, const void * data, float * out, int64_t count);

/* The index of the first of `count` numbers that is infinite or no number, or -1. Of each number it
 * looks at the 16 bits that hold the exponent, all of whose bits (`exponent_mask`) are set then:
 * IEEE half precision, bfloat16, the upper half of an F32, the scale of a quantized block. They are
 * `stride` words apart. (ggml_validate_row_data does not say where, and prints.) */
GPT2_API int64_t gpt2_find_non_finite(
    const uint16_t * words, int64_t count, int32_t stride, uint16_t exponent_mask);

/* A part of the weights in a mapped file. */
struct gpt2_part {
    const uint16_t * words;  // numbers to look at: the arguments of gpt2_find_non_finite
    int64_t count;
    int32_t stride;
    int32_t exponent_mask;
    void * tensor;  // a matrix of which rows `begin` to `end` are made from `rows`, all rows if it is not packed; or NULL
    const void * rows;
    int64_t num_rows;  // that there are in all; the matrix may have more
    int64_t begin;
    int64_t end;
};

/* Not everything was done: there was not enough memory for it. */
#define GPT2_OUT_OF_MEMORY (-2)

/* Looks at the numbers of each of `count` parts, packs it, and gives its memory back, beginning with part
 * `next`, which is raised. Several threads may do so with the same `next`, and share the work.
 * Returns the index of the first part found with a number that is infinite or none, -1, or GPT2_OUT_OF_MEMORY. */
GPT2_API int32_t gpt2_load_parts(const struct gpt2_part * parts, int32_t count, int32_t * next);

#ifdef __cplusplus
}
#endif
