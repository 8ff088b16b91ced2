/*
 * Products with quantized matrices.
 *
 * ggml multiplies one row at a time, and has to gather each block's sum from all over a register. Here as
 * many rows are multiplied at once as a vector has lanes, one in each, from a matrix that lies in the order
 * in which this reads it: packed_formats.h describes it. So nothing is gathered, memory is read from front
 * to back, and the product with one column is as fast as the memory is.
 *
 * The column x is rounded to 8 bits in runs of 32, exactly as ggml does. Four bytes of each row are
 * multiplied with the same four bytes of x, which are in every lane, and the four products added to the
 * lane's sum: byte_products.h.
 *
 * To ggml this is one more kind of memory of its CPU backend ("extra buffer type"). A matrix is packed
 * when it is written, and takes as many bytes as before; MUL_MAT with a matrix in such memory comes here.
 */
#include "kernels.h"

#ifdef GPT2_HAS_KERNELS

#include <cstring>
#include <vector>

#include "ggml-backend-impl.h"
#include "ggml-cpu.h"
#include "ggml-impl.h"
#include "packed_product.h"
#include "traits.h"

namespace {

template <class Format> void multiply(const ggml_compute_params * params, ggml_tensor * y) {
    GGML_ASSERT(ggml_is_matrix(y->src[1])); // As supports_op() says: ggml does not ask it before it computes.
    const ggml_tensor * matrix = y->src[0];
    auto * runs = reinterpret_cast<XRun<Format> *>(alignedWork(params));
    const Product<Format> product = {
        static_cast<const Slice<Format> *>(matrix->data),
        matrix->ne[0] / (RUN * Slice<Format>::RUNS),
        matrix->ne[1] / LANES,
        runs,
        {y->ne[1]},
        static_cast<float *>(y->data),
    };
    quantizeColumns<Format>(params, y->src[1], product.groups, runs);
    startTurns(params);
    const int64_t perTurn = product.tilesPerTurn(params->nth);
    takeTurns(params, product.numTiles, perTurn, [&](int64_t begin, int64_t end) {
        if (product.groups.count == 1) {
            product.multiplyAlone(begin, end);
        } else {
            product.multiplyGroups(begin, end, begin + params->nth * perTurn);
        }
    });
}

/* Packs rows `begin` to `end`, multiples of LANES, of a matrix of which `rows` holds the first numRows; the
 * others are zeros. */
template <class Format>
void pack(const ggml_tensor * matrix, const char * rows, int64_t numRows, int64_t begin, int64_t end) {
    const int64_t rowBytes = matrix->nb[1];
    const int64_t numBlocks = matrix->ne[0] / RUN / Format::BLOCK_RUNS;
    const std::vector<char> zeros(end > numRows ? rowBytes : 0);
    for (int64_t row = begin; row < end; row += LANES) {
        const char * from = rows + row * rowBytes;
        int64_t offsets[LANES];
        for (int lane = 0; lane < LANES; lane++) {
            offsets[lane] = row + lane < numRows ? lane * rowBytes : zeros.data() - from;
        }
        char * tile = static_cast<char *>(matrix->data) + row * rowBytes;
        packTile<Format>(from, offsets, numBlocks, reinterpret_cast<Slice<Format> *>(tile));
    }
}

struct Packed {
    Kernel kernel;
    void (*pack)(const ggml_tensor * matrix, const char * rows, int64_t numRows, int64_t begin, int64_t end);
    int columns;  // in a slice
};

template <class Format>
constexpr Packed PACKED = {
    {
        multiply<Format>,
        [](const ggml_tensor * y, int) -> size_t {
            return CACHE_LINE + ggml_nelements(y->src[1]) / RUN * sizeof(XRun<Format>);
        },
    },
    pack<Format>,
    Slice<Format>::RUNS * RUN,
};

/* What serves a matrix of this type and shape, if anything does. */
const Packed * packedFor(const ggml_tensor * matrix) {
    const Packed * packed = matrix->type == GGML_TYPE_Q8_0 ? &PACKED<PackedQ8_0>
                          : matrix->type == GGML_TYPE_Q4_0 ? &PACKED<PackedQ4_0>
                          : matrix->type == GGML_TYPE_Q4_K ? &PACKED<PackedQ4_K>
                          : matrix->type == GGML_TYPE_Q6_K ? &PACKED<PackedQ6_K>
                                                           : nullptr;
    const bool fits = packed != nullptr && ggml_is_matrix(matrix) && ggml_is_contiguous(matrix) &&
                      matrix->ne[0] % packed->columns == 0 && matrix->ne[1] % LANES == 0;
    return fits ? packed : nullptr;
}

struct PackedMemory final : ggml::cpu::extra_buffer_type {
    bool supports_op(ggml_backend_dev_t, const ggml_tensor * op) override {
        const ggml_tensor * x = op->src[1];
        return op->op == GGML_OP_MUL_MAT && packedFor(op->src[0]) != nullptr && x->type == GGML_TYPE_F32 &&
               x->nb[0] == sizeof(float) && ggml_is_matrix(x) &&
               (!x->buffer || ggml_backend_buft_is_host(x->buffer->buft));
    }

    /* The products are found by packedMatmulKernel() below. */
    ggml::cpu::tensor_traits * get_tensor_traits(const ggml_tensor *) override { return nullptr; }
};

void setTensor(ggml_backend_buffer_t, ggml_tensor * tensor, const void * data, size_t offset, size_t size) {
    const Packed * packed = packedFor(tensor);
    GGML_ASSERT(packed != nullptr && offset == 0 && size == ggml_nbytes(tensor));
    packed->pack(tensor, static_cast<const char *>(data), tensor->ne[1], 0, tensor->ne[1]);
}

/* Plain memory, but for how it is written. */
ggml_backend_buffer_t allocateBuffer(ggml_backend_buffer_type_t type, size_t size) {
    ggml_backend_buffer_t buffer = ggml_backend_buft_alloc_buffer(ggml_backend_cpu_buffer_type(), size);
    if (buffer != nullptr) {
        buffer->buft = type;
        buffer->iface.set_tensor = setTensor;
        buffer->iface.get_tensor = nullptr;
        buffer->iface.cpy_tensor = nullptr;
    }
    return buffer;
}

}  // namespace

ggml_backend_buffer_type_t packedMemory() {
    static PackedMemory memory;
    static ggml_backend_buffer_type type = {
        /* .iface = */ {
            /* .get_name       = */ [](ggml_backend_buffer_type_t) { return "PACKED"; },
            /* .alloc_buffer   = */ allocateBuffer,
            /* .get_alignment  = */ [](ggml_backend_buffer_type_t) -> size_t { return CACHE_LINE; },
            /* .get_max_size   = */ nullptr,
            /* .get_alloc_size = */ nullptr,
            /* .is_host        = */ nullptr,
        },
        /* .device  = */ ggml_backend_reg_dev_get(ggml_backend_cpu_reg(), 0),
        /* .context = */ static_cast<ggml::cpu::extra_buffer_type *>(&memory),
    };
    return &type;
}

const Kernel * packedMatmulKernel(const ggml_tensor * y) {
    const ggml_tensor * matrix = y->src[0];
    const bool isPacked = matrix->buffer != nullptr && matrix->buffer->buft == packedMemory();
    return isPacked ? &packedFor(matrix)->kernel : nullptr;
}

bool packRows(const ggml_tensor * matrix, const char * rows, int64_t numRows, int64_t begin, int64_t end) {
    if (matrix->buffer == nullptr || matrix->buffer->buft != packedMemory()) {
        return false;
    }
    packedFor(matrix)->pack(matrix, rows, numRows, begin, end);
    return true;
}

#endif
