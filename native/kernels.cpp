/*
 * How ggml comes to use the kernels of this package's own.
 *
 * ggml's CPU backend asks its "extra buffer types" whether they compute an operation before it does so
 * itself. Two are added here: packed memory, and one that answers for all kernels. There are no buffers of
 * the latter type.
 */
#include "kernels.h"

#include "gpt2.h"

#ifdef GPT2_HAS_KERNELS

#include "ggml-backend-impl.h"
#include "ggml-cpu.h"
#include "repack.h"
#include "traits.h"

namespace {

/* What computes an operation that ggml does not have. */
const Kernel * customKernel(const ggml_tensor * y) {
    for (const auto kernelOf : {raggedAttentionKernel, logitsSummaryKernel, targetScoresKernel, trainingKernel}) {
        if (const Kernel * kernel = kernelOf(y)) {
            return kernel;
        }
    }
    return nullptr;
}

const Kernel * kernelFor(const ggml_tensor * y) {
    switch (y->op) {
        case GGML_OP_MUL_MAT:
            return packedMatmulKernel(y) != nullptr ? packedMatmulKernel(y) : floatMatmulKernel(y);
        case GGML_OP_FLASH_ATTN_EXT:
            return attentionKernel(y);
        case GGML_OP_CUSTOM:
            return customKernel(y);
        case GGML_OP_NORM:
            return normKernel(y);
        case GGML_OP_UNARY:
            return geluKernel(y);
        default:
            return nullptr;
    }
}

struct Traits final : ggml::cpu::tensor_traits {
    bool work_size(int numThreads, const ggml_tensor * op, size_t & size) override {
        size = kernelFor(op)->workSize(op, numThreads);
        return true;
    }

    bool compute_forward(ggml_compute_params * params, ggml_tensor * op) override {
        kernelFor(op)->compute(params, op);
        return true;
    }
};

struct Kernels final : ggml::cpu::extra_buffer_type {
    bool supports_op(ggml_backend_dev_t, const ggml_tensor *) override { return false; }

    ggml::cpu::tensor_traits * get_tensor_traits(const ggml_tensor * op) override {
        static Traits traits;
        return kernelFor(op) != nullptr ? &traits : nullptr;
    }
};

}  // namespace

static void useKernels() {
    static Kernels kernels;
    static ggml_backend_buffer_type type = {
        /* .iface   = */ {},
        /* .device  = */ nullptr,
        /* .context = */ static_cast<ggml::cpu::extra_buffer_type *>(&kernels),
    };
    auto & types = ggml_backend_cpu_get_extra_buffer_types();
    if (std::find(types.begin(), types.end(), &type) != types.end()) {
        return;
    }
    /* Behind memory for AMX, which computes many columns faster still; before ggml's own interleaved rows. */
    types.insert(std::find(types.begin(), types.end(), ggml_backend_cpu_repack_buffer_type()), packedMemory());
    /* ggml copies the list when it is first asked what memory there is. It is asked now, since nobody can
     * allocate memory of the other type. */
    ggml_backend_reg_t registry = ggml_backend_cpu_reg();
    auto * list = reinterpret_cast<ggml_backend_dev_get_extra_bufts_t>(
        ggml_backend_reg_get_proc_address(registry, "ggml_backend_dev_get_extra_bufts"));
    list(ggml_backend_reg_dev_get(registry, 0));
    types.insert(types.begin(), &type);
}

void gpt2_use_kernels(void) {
    try {
        useKernels();
    } catch (...) {
        /* No memory for a list: then ggml's own kernels compute. */
    }
}

bool gpt2_has_gelu_kernel(void) {
    return true;
}

#else

void gpt2_use_kernels(void) {}

bool gpt2_has_gelu_kernel(void) {
    return false;
}

#endif
