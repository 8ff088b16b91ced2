/*
 * What the operations of training are made of: a custom operation of ggml that carries its kernel with it.
 */
#pragma once

#include "../kernels.h"
#include "gpt2_training.h"

#ifdef GPT2_HAS_KERNELS

#include "../lane_sums.h"
#include "../vector_exp.h"
#include "panels.h"

#include <initializer_list>

namespace training {

constexpr uint32_t PARAMETERS_AT = 8;  // among the parameters, behind those of a custom operation

/* An operation that this kernel computes, with a result of its own. */
ggml_tensor * operation(ggml_context * context, const Kernel & kernel, std::initializer_list<int64_t> sizes,
                        std::initializer_list<ggml_tensor *> operands);

/* An operation that overwrites its first operand. */
ggml_tensor * operationInPlace(
    ggml_context * context, const Kernel & kernel, std::initializer_list<ggml_tensor *> operands);

inline void setParameter(ggml_tensor * y, int at, float value) {
    ggml_set_op_params_f32(y, PARAMETERS_AT + at, value);
}

inline void setParameter(ggml_tensor * y, int at, int32_t value) {
    ggml_set_op_params_i32(y, PARAMETERS_AT + at, value);
}

inline float floatParameter(const ggml_tensor * y, int at) {
    return ggml_get_op_params_f32(y, PARAMETERS_AT + at);
}

inline int32_t intParameter(const ggml_tensor * y, int at) {
    return ggml_get_op_params_i32(y, PARAMETERS_AT + at);
}

inline float * floats(const ggml_tensor * x) {
    return static_cast<float *>(x->data);
}

/* A stride in numbers. */
inline int64_t strideOf(const ggml_tensor * x, int axis) {
    return x->nb[axis] / sizeof(float);
}

/* From `begin` up to, but not including, `end`. */
struct Share {
    int64_t begin;
    int64_t end;
};

/* The part of `count` numbers, or rows, that a thread computes: whole multiples of `grain`, but for the last. */
inline Share shareOf(const ggml_compute_params * params, int64_t count, int64_t grain = 16) {
    const int64_t numGrains = (count + grain - 1) / grain;
    return {numGrains * params->ith / params->nth * grain,
            std::min(numGrains * (params->ith + 1) / params->nth * grain, count)};
}

/* In place of a mask: all lanes. */
struct AllLanes {};

/* Calls `work(i, lanes)` for every LANES numbers from `begin` on, of which `lanes` says which there are. */
template <class Work> void eachVector(int64_t begin, int64_t end, Work work) {
    int64_t i = begin;
    for (; i + LANES <= end; i += LANES) {
        work(i, AllLanes());
    }
    if (i < end) {
        work(i, firstLanes(end - i));
    }
}

using ::load;
using ::store;

inline F32 load(const float * from, AllLanes) {
    return ::load(from);
}

/* Lanes that are not there are 0. */
inline F32 load(const float * from, Mask lanes) {
    return loadWhere(lanes, from);
}

inline void store(float * to, AllLanes, F32 x) {
    ::store(to, x);
}

inline void store(float * to, Mask lanes, F32 x) {
    storeWhere(lanes, to, x);
}

/* x in lanes that are there, and `otherwise` in the others. */
inline F32 selectIn(AllLanes, F32 x, F32) {
    return x;
}

inline F32 selectIn(Mask lanes, F32 x, F32 otherwise) {
    return select(lanes, x, otherwise);
}

/* e^x, also of what is no number: a loss must not hide that something went wrong. */
inline F32 power(F32 x) {
    return select(isEqual(x, x), exponential(x), x);
}

}  // namespace training

#endif
