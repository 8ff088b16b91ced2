#include "operation.h"

#ifdef GPT2_HAS_KERNELS

#include "ggml-backend.h"

#include <cstring>

namespace {

/* Where a custom operation has the function that computes it. It is never called: kernels.cpp is asked first. */
void placeholder(ggml_tensor *, int, int, void *) {
    GGML_ABORT("operations of training are computed by kernels");
}

void * carried(const Kernel & kernel) {
    return const_cast<Kernel *>(&kernel);
}

}  // namespace

static_assert(sizeof(ggml_custom_op_params) <= training::PARAMETERS_AT * sizeof(int32_t));

const Kernel * trainingKernel(const ggml_tensor * y) {
    ggml_custom_op_params params;
    memcpy(&params, y->op_params, sizeof(params));
    return params.fun == placeholder ? static_cast<const Kernel *>(params.userdata) : nullptr;
}

ggml_tensor * training::operation(ggml_context * context, const Kernel & kernel, std::initializer_list<int64_t> sizes,
                                  std::initializer_list<ggml_tensor *> operands) {
    int64_t ne[GGML_MAX_DIMS] = {1, 1, 1, 1};
    std::copy(sizes.begin(), sizes.end(), ne);
    ggml_tensor * sources[GGML_MAX_SRC];
    const auto end = std::copy_if(operands.begin(), operands.end(), sources, [](auto * x) { return x != nullptr; });
    return ggml_custom_4d(context, GGML_TYPE_F32, ne[0], ne[1], ne[2], ne[3], sources, end - sources, placeholder,
                          GGML_N_TASKS_MAX, carried(kernel));
}

ggml_tensor * training::operationInPlace(
    ggml_context * context, const Kernel & kernel, std::initializer_list<ggml_tensor *> operands) {
    ggml_tensor * sources[GGML_MAX_SRC];
    std::copy(operands.begin(), operands.end(), sources);
    return ggml_custom_inplace(context, sources[0], sources + 1, operands.size() - 1, placeholder, GGML_N_TASKS_MAX,
                               carried(kernel));
}

bool gpt2_has_training_kernels(void) {
    return true;
}

#endif
