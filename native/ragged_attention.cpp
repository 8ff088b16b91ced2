/*
 * Attention of new positions that belong to different texts, without masks: an operation that ggml does not
 * have, so to ggml it is a custom one. Each position names the slot in which the keys and values of its text
 * are, and how many of those it sees. attend.h computes it.
 *
 * Neighbours with the same slot are computed together, LANES at most; in which order positions come does not matter
 * for the result.
 */
#include "attend.h"
#include "gpt2.h"

#ifdef GPT2_HAS_KERNELS

#include "ggml-impl.h"

#include <cstring>

namespace {

constexpr uint32_t SCALE_AT = 8;  // among the parameters, behind those of a custom operation
static_assert(sizeof(ggml_custom_op_params) <= SCALE_AT * sizeof(int32_t));

/* Where a custom operation has the function that computes it. It is never called: kernels.cpp is asked first. */
void placeholder(ggml_tensor *, int, int, void *) {
    GGML_ABORT("attention to slots is computed by a kernel");
}

const int32_t * numbers(const ggml_tensor * x) {
    return static_cast<const int32_t *>(x->data);
}

/* Which positions are computed together: group i begins with position begins[i] and ends before begins[i + 1]. */
struct Groups {
    int64_t count;
    int32_t begins[];

    static int64_t bytes(int64_t numPositions) {
        const int64_t size = sizeof(Groups) + (numPositions + 1) * sizeof(int32_t);
        return (size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    }

    void find(const int32_t * slots, const int32_t * counts, int64_t numPositions) {
        count = 0;
        for (int64_t i = 0; i < numPositions; i++) {
            const bool isNew = i == 0 || i - begins[count - 1] == LANES || slots[i] != slots[i - 1] ||
                               (counts[i] == 0) != (counts[i - 1] == 0);
            if (isNew) {
                begins[count++] = i;
            }
        }
        begins[count] = numPositions;
    }
};

template <class Number, int VECTORS> void compute(const ggml_compute_params * params, ggml_tensor * y) {
    const ggml_tensor * query = y->src[0], * key = y->src[1], * value = y->src[2];
    const int32_t * slots = numbers(y->src[3]), * counts = numbers(y->src[4]);
    const float scale = ggml_get_op_params_f32(y, SCALE_AT);
    const int64_t numPositions = query->ne[1];
    auto & groups = *reinterpret_cast<Groups *>(alignedWork(params));
    char * work = alignedWork(params) + Groups::bytes(numPositions) + params->ith * Tile<VECTORS>::bytes(key->ne[1]);
    if (params->ith == 0) {
        groups.find(slots, counts, numPositions);
    }
    startTurns(params);
    takeTurns(params, query->ne[2] * groups.count, 1, [&](int64_t turn, int64_t) {
        const int64_t head = turn / groups.count;
        const int64_t begin = groups.begins[turn % groups.count];
        const int64_t count = groups.begins[turn % groups.count + 1] - begin;
        const int64_t slot = slots[begin];
        const Rows rows = {
            static_cast<const char *>(key->data) + head * key->nb[2] + slot * key->nb[3],
            key->nb[1],
            static_cast<const char *>(value->data) + head * value->nb[2] + slot * value->nb[3],
            value->nb[1],
        };
        Position positions[LANES];
        for (int64_t i = 0; i < count; i++) {
            const int64_t q = begin + i;
            const char * from = static_cast<const char *>(query->data) + q * query->nb[1] + head * query->nb[2];
            char * to = static_cast<char *>(y->data) + q * y->nb[2] + head * y->nb[1];
            positions[i] = {reinterpret_cast<const float *>(from), counts[q], reinterpret_cast<float *>(to)};
        }
        if (count > MAX_FEW && positions[0].count > 0) {
            attendTile<Number>(rows, positions, count, scale, *reinterpret_cast<Tile<VECTORS> *>(work));
            return;
        }
        for (int64_t i = 0; i < count; i++) {
            attendOne<Number, VECTORS>(rows, positions[i], scale, nullptr, reinterpret_cast<float *>(work));
        }
    });
}

/* The groups, and for each thread the scores of one position, or a tile. */
template <int VECTORS> size_t workSize(const ggml_tensor * y, int numThreads) {
    return CACHE_LINE + Groups::bytes(y->src[0]->ne[1]) + numThreads * Tile<VECTORS>::bytes(y->src[1]->ne[1]);
}

template <class Number>
constexpr Kernel KERNELS[4] = {
    {compute<Number, VECTORS_OF_16>, workSize<VECTORS_OF_16>},
    {compute<Number, 2 * VECTORS_OF_16>, workSize<2 * VECTORS_OF_16>},
    {compute<Number, 4 * VECTORS_OF_16>, workSize<4 * VECTORS_OF_16>},
    {compute<Number, 8 * VECTORS_OF_16>, workSize<8 * VECTORS_OF_16>},
};

const Kernel * kernelFor(int64_t headDim, int32_t type) {
    return type == GGML_TYPE_F16 ? kernelOfWidth(KERNELS<ggml_fp16_t>, headDim)
         : type == GGML_TYPE_F32 ? kernelOfWidth(KERNELS<float>, headDim)
         : type == GGML_TYPE_Q8_0 && headDim % 32 == 0 ? kernelOfWidth(KERNELS<Q8Block>, headDim)
                                                       : nullptr;
}

}  // namespace

const Kernel * raggedAttentionKernel(const ggml_tensor * y) {
    ggml_custom_op_params params;
    memcpy(&params, y->op_params, sizeof(params));
    return params.fun == placeholder ? kernelFor(y->src[1]->ne[0], y->src[1]->type) : nullptr;
}

bool gpt2_has_ragged_attention(int64_t head_dim, int32_t type) {
    return kernelFor(head_dim, type) != nullptr;
}

ggml_tensor * gpt2_ragged_attention(
    ggml_context * context, ggml_tensor * query, ggml_tensor * key, ggml_tensor * value, ggml_tensor * slots,
    ggml_tensor * counts, float scale) {
    if (!gpt2_has_ragged_attention(key->ne[0], key->type)) {
        return nullptr;
    }
    ggml_tensor * sources[] = {query, key, value, slots, counts};
    ggml_tensor * y = ggml_custom_4d(
        context, GGML_TYPE_F32, query->ne[0], query->ne[2], query->ne[1], 1, sources, 5, placeholder,
        GGML_N_TASKS_MAX, nullptr);
    ggml_set_op_params_f32(y, SCALE_AT, scale);
    return y;
}

#else

bool gpt2_has_ragged_attention(int64_t, int32_t) {
    return false;
}

ggml_tensor * gpt2_ragged_attention(
    ggml_context *, ggml_tensor *, ggml_tensor *, ggml_tensor *, ggml_tensor *, ggml_tensor *, float) {
    return nullptr;
}

#endif
