/*
 * Products with quantized matrices on x86 CPUs with AVX-512 VNNI.
 *
 * ggml multiplies one row at a time, and has to gather each block's sum from all over a register. Here 16
 * rows are multiplied at once, one in each lane, from a matrix that lies in the order in which this reads
 * it: packed_formats.h describes it. So nothing is gathered, memory is read from front to back, and the
 * product with one column is as fast as the memory is.
 *
 * The column x is rounded to 8 bits in runs of 32, exactly as ggml does. One instruction, VPDPBUSD,
 * multiplies 64 bytes of the matrix, four for each of 16 rows, with the same four bytes of x in every
 * lane, and adds the four products to the lane's sum. It wants the bytes of the matrix unsigned, which
 * is why they have an offset. What that adds to a sum is known beforehand, since
 * sum((q + offset) x) - sum(q x) = offset sum(x): sums start from -offset sum(x) instead of 0.
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
#include "packed_formats.h"
#include "traits.h"

namespace {

constexpr int TILE_COLUMNS = 8;      // columns x that are multiplied at once: each needs two registers
constexpr int TURN_BYTES = 1 << 18;  // of the matrix, that stay in the cache (L2) while many columns pass by

/* A run of 32 numbers of a column x, each about scale * a signed byte of `words`. */
struct XRun {
    float   scale;
    float   sum;        // of the numbers, for matrices with minimums
    int32_t starts[2];  // -offset * sum of the bytes that share a scale of the matrix
    int32_t words[RUN / 4];
};

/* Rounds 32 numbers as ggml's quantize_row_q8_0 does, the scale to half precision included. */
template <class Format> void quantize(const float * x, XRun & run) {
    const __m512 left = _mm512_loadu_ps(x);
    const __m512 right = _mm512_loadu_ps(x + 16);
    const float largest = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(left), _mm512_abs_ps(right)));
    const __m512 factor = _mm512_set1_ps(largest == 0 ? 0 : 127 / largest);
    const __m512i leftBytes = _mm512_cvtps_epi32(_mm512_mul_ps(left, factor));
    const __m512i rightBytes = _mm512_cvtps_epi32(_mm512_mul_ps(right, factor));
    const int32_t leftSum = _mm512_reduce_add_epi32(leftBytes);
    const int32_t rightSum = _mm512_reduce_add_epi32(rightBytes);
    run.scale = _cvtsh_ss(_cvtss_sh(largest / 127, _MM_FROUND_TO_NEAREST_INT));
    run.sum = run.scale * (leftSum + rightSum);
    run.starts[0] = -Format::OFFSET * (Format::SCALES == 1 ? leftSum + rightSum : leftSum);
    run.starts[1] = -Format::OFFSET * rightSum;
    _mm_storeu_si128(reinterpret_cast<__m128i *>(run.words), _mm512_cvtepi32_epi8(leftBytes));
    _mm_storeu_si128(reinterpret_cast<__m128i *>(run.words + 4), _mm512_cvtepi32_epi8(rightBytes));
}

/* Asks for the part of the next slice that lies where `run` lies in this one, and a little further. (The
 * CPU's own guess at what comes next ends with every page of 4 KiB.) */
template <class Format> inline void prefetch(const Slice<Format> * slice, int run) {
    constexpr int bytes = sizeof(*slice) / Slice<Format>::RUNS;
    const char * ahead = reinterpret_cast<const char *>(slice + 1) + run * bytes + 1024;
    for (int i = 0; i < bytes; i += CACHE_LINE) {
        _mm_prefetch(ahead + i, _MM_HINT_T0);
    }
}

/* 16 rows times N columns: y[n * yStride + row]. The runs of a column lie side by side. */
template <class Format, int N>
void multiplyTile(const Slice<Format> * slice, int64_t numSlices, const XRun * x, float * y,
                  int64_t yStride, bool fromMemory) {
    constexpr int RUNS = Slice<Format>::RUNS;
    constexpr int PART_WORDS = RUN / 4 / Format::SCALES;
    const int64_t xStride = numSlices * RUNS;
    __m512 totals[N];
    for (int n = 0; n < N; n++) {
        totals[n] = _mm512_setzero_ps();
    }
    for (int64_t s = 0; s < numSlices; s++, slice++) {
        for (int run = 0; run < RUNS; run++, x++) {
            if (fromMemory) {
                prefetch(slice, run);
            }
            for (int part = 0; part < Format::SCALES; part++) {
                __m512i sums[N];
                for (int n = 0; n < N; n++) {
                    sums[n] = _mm512_set1_epi32(x[n * xStride].starts[part]);
                }
                for (int i = part * PART_WORDS; i < (part + 1) * PART_WORDS; i++) {
                    const __m512i integers = Format::integers(*slice, run, i);
                    for (int n = 0; n < N; n++) {
                        const __m512i word = _mm512_set1_epi32(x[n * xStride].words[i]);
                        sums[n] = _mm512_dpbusd_epi32(sums[n], integers, word);
                    }
                }
                const __m512 scale = Format::scale(*slice, run, part);
                for (int n = 0; n < N; n++) {
                    const __m512 xScale = _mm512_set1_ps(x[n * xStride].scale);
                    const __m512 product = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[n]), xScale);
                    totals[n] = _mm512_fmadd_ps(product, scale, totals[n]);
                }
            }
            if constexpr (Format::HAS_MINIMUM) {
                const __m512 minimum = Format::minimum(*slice, run);
                for (int n = 0; n < N; n++) {
                    totals[n] = _mm512_fnmadd_ps(minimum, _mm512_set1_ps(x[n * xStride].sum), totals[n]);
                }
            }
        }
    }
    for (int n = 0; n < N; n++) {
        _mm512_storeu_ps(y + n * yStride, totals[n]);
    }
}

/* The runs of all columns lie side by side, column by column. */
template <class Format> void quantizeColumns(const ggml_compute_params * params, const ggml_tensor * x, XRun * runs) {
    const int64_t numRuns = x->ne[0] / RUN;
    for (int64_t i = params->ith; i < x->ne[1] * numRuns; i += params->nth) {
        const char * column = static_cast<const char *>(x->data) + i / numRuns * x->nb[1];
        quantize<Format>(reinterpret_cast<const float *>(column) + i % numRuns * RUN, runs[i]);
    }
}

/* How many tiles a thread multiplies in one turn. A turn begins with a wait for memory: with few columns,
 * for which a tile takes little time, turns are long. */
template <class Format> int64_t tilesPerTurn(const ggml_compute_params * params, const ggml_tensor * y) {
    const int64_t numTiles = y->ne[0] / LANES;
    const bool hasFewColumns = y->ne[1] < TILE_COLUMNS;
    const int64_t share = numTiles / ((hasFewColumns ? 4 : 16) * params->nth) + 1;
    const int64_t tileBytes = y->src[0]->nb[1] * LANES;
    return hasFewColumns ? share : std::clamp<int64_t>(TURN_BYTES / tileBytes, 1, share);
}

template <class Format> void multiply(const ggml_compute_params * params, ggml_tensor * y) {
    using Tile = void (*)(const Slice<Format> *, int64_t, const XRun *, float *, int64_t, bool);
    static constexpr Tile kernels[TILE_COLUMNS] = {
        multiplyTile<Format, 1>, multiplyTile<Format, 2>, multiplyTile<Format, 3>, multiplyTile<Format, 4>,
        multiplyTile<Format, 5>, multiplyTile<Format, 6>, multiplyTile<Format, 7>, multiplyTile<Format, 8>,
    };
    const ggml_tensor * matrix = y->src[0];
    const int64_t numRows = matrix->ne[1];
    const int64_t numColumns = y->ne[1];
    const int64_t numRuns = matrix->ne[0] / RUN;
    const int64_t numSlices = numRuns / Slice<Format>::RUNS;
    GGML_ASSERT(ggml_is_matrix(y->src[1])); // As supports_op() says: ggml does not ask it before it computes.
    const auto * slices = static_cast<const Slice<Format> *>(matrix->data);
    auto * runs = reinterpret_cast<XRun *>(alignedWork(params));
    quantizeColumns<Format>(params, y->src[1], runs);
    startTurns(params);
    takeTurns(params, numRows / LANES, tilesPerTurn<Format>(params, y), [&](int64_t begin, int64_t end) {
        for (int64_t column = 0; column < numColumns; column += TILE_COLUMNS) {
            const int64_t n = std::min<int64_t>(TILE_COLUMNS, numColumns - column);
            for (int64_t tile = begin; tile < end; tile++) {
                float * result = static_cast<float *>(y->data) + column * numRows + tile * LANES;
                kernels[n - 1](
                    slices + tile * numSlices, numSlices, runs + column * numRuns, result, numRows, column == 0);
            }
        }
    });
}

/* Packs rows `begin` to `end`, multiples of 16, of a matrix of which `rows` holds the first numRows; the
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
            return CACHE_LINE + ggml_nelements(y->src[1]) / RUN * sizeof(XRun);
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
