/*
 * Runs the kernels of native/ on random operands, in memory of exactly their size, and compares what comes out with plain
 * loops in double precision; fuzz_training.cpp does it with those of training. scripts/fuzz_kernels.ts compiles both with the
 * sanitizers, for each set of instructions.
 *
 *     fuzz <first seed> <number of seeds>
 */
#include "fuzz.h"

#include <atomic>
#include <functional>
#include <limits>
#include <thread>

#include <pthread.h>

/* Everything that the files below include, since they are put into namespaces: their names are the same. */
#include "gpt2.h"
#include "kernels.h"

#include "attend.h"
#include "ggml-backend-impl.h"
#include "ggml-backend.h"
#include "ggml-cpu.h"
#include "ggml-impl.h"
#include "ggml-quants.h"
#include "lane_sums.h"
#include "logit_sums.h"
#include "packed_product.h"
#include "traits.h"
#include "vector_exp.h"

#ifndef GPT2_HAS_KERNELS
#error "There are no kernels for these instructions."
#endif

namespace packed {
#include "packed_matmul.cpp"
}
namespace floats {
#include "float_matmul.cpp"
}
namespace masked {
#include "attention.cpp"
}
namespace ragged {
#define gpt2_has_ragged_attention hasRaggedAttention  // since that of gpt2.h would be found, too
#include "ragged_attention.cpp"
#undef gpt2_has_ragged_attention
}
namespace summary {
#include "logits_summary.cpp"
}
namespace targets {
#include "target_scores.cpp"
}
namespace comparison {
#include "logits_comparison.cpp"
}
namespace gelu {
#include "gelu.cpp"
}
namespace norm {
#include "norm.cpp"
}

/* Of ggml's own threads kernels use these three functions. */
struct ggml_threadpool {
    pthread_barrier_t barrier;
    std::atomic<int>  turn;
};
extern "C" void ggml_barrier(ggml_threadpool * pool) { pthread_barrier_wait(&pool->barrier); }
extern "C" void ggml_threadpool_chunk_set(ggml_threadpool * pool, int value) { pool->turn = value; }
extern "C" int ggml_threadpool_chunk_add(ggml_threadpool * pool, int value) { return pool->turn.fetch_add(value); }

void run(const Kernel & kernel, ggml_tensor & y, int numThreads) {
    const size_t bytes = kernel.workSize(&y, numThreads);
    std::unique_ptr<char[]> work(new char[bytes]);
    ggml_threadpool pool;
    pthread_barrier_init(&pool.barrier, nullptr, numThreads);
    const auto compute = [&](int number) {
        ggml_compute_params params = {};
        params.ith = number;
        params.nth = numThreads;
        params.wsize = bytes;
        params.wdata = work.get();
        params.threadpool = &pool;
        kernel.compute(&params, &y);
    };
    std::vector<std::thread> others;
    for (int i = 1; i < numThreads; i++) {
        others.emplace_back(compute, i);
    }
    compute(0);
    for (std::thread & thread : others) {
        thread.join();
    }
    pthread_barrier_destroy(&pool.barrier);
}

namespace {

/* Products: each number against the sum in double precision, and one of the columns alone against itself. */
void checkProduct(const Kernel & kernel, Tensor & matrix, const std::vector<float> & rows, Tensor & x,
                  const std::vector<float> & columns, double tolerance) {
    const int64_t width = x.ne[0], numColumns = x.ne[1], numRows = matrix.ne[1];
    Tensor y(GGML_TYPE_F32, {numRows, numColumns});
    y.src[0] = &matrix;
    y.src[1] = &x;
    run(kernel, y);
    for (int64_t c = 0; c < numColumns; c++) {
        for (int64_t r = 0; r < numRows; r++) {
            double sum = 0, size = 0;
            for (int64_t i = 0; i < width; i++) {
                const double product = static_cast<double>(rows[r * width + i]) * columns[c * width + i];
                sum += product;
                size += std::abs(product);
            }
            checkClose(y.f32()[c * numRows + r], sum, tolerance * size + 1e-30);
        }
    }
    const int64_t some = between(0, numColumns - 1);
    Tensor column(GGML_TYPE_F32, {width, 1}), alone(GGML_TYPE_F32, {numRows, 1});
    memcpy(column.data, x.f32() + some * width, width * sizeof(float));
    alone.src[0] = &matrix;
    alone.src[1] = &column;
    run(kernel, alone);
    check(sameBits(alone.f32(), y.f32() + some * numRows, numRows), "a column has the same bits alone");
}

/* A number in half precision that is finite, and not so large that sums lose everything else. */
ggml_half someHalf() {
    return static_cast<ggml_half>(between(0, 1) << 15 | between(0, 0x4400));
}

/* As ggml's quantize_row_q8_0() rounds. */
std::vector<float> rounded(Tensor & x) {
    std::vector<float> values(x.f32(), x.f32() + x.count());
    for (auto run = values.begin(); run != values.end(); run += RUN) {
        float largest = 0;
        for (int i = 0; i < RUN; i++) {
            largest = std::max(largest, std::abs(run[i]));
        }
        const float factor = largest == 0 ? 0 : 127 / largest, scale = fromHalf(toHalf(largest / 127));
        for (int i = 0; i < RUN; i++) {
            run[i] = scale * std::nearbyint(run[i] * factor);
        }
    }
    return values;
}

template <class Format> void tryPacked(ggml_type type, std::vector<int> halves) {
    const int64_t blockSize = ggml_blck_size(type), blockBytes = ggml_type_size(type);
    const int64_t width = Slice<Format>::RUNS * RUN * between(1, 4), numRows = 16 * between(1, 4);
    const int64_t numStored = between(1, numRows), numColumns = between(1, 20);
    what = std::string(ggml_type_name(type)) + ", packed";
    Tensor stored(type, {width, numStored}), matrix(type, {width, numRows}), x(GGML_TYPE_F32, {width, numColumns});
    auto * bytes = static_cast<uint8_t *>(stored.data);
    const bool isExtreme = between(0, 3) == 0;
    for (int64_t i = 0; i < width / blockSize * numStored; i++, bytes += blockBytes) {
        const uint8_t extremes[] = {0x80, 0x7f, 0xff, 0x00};
        for (int64_t j = 0; j < blockBytes; j++) {
            bytes[j] = isExtreme ? extremes[i % 4] : between(0, 255);
        }
        for (const int at : halves) {
            const ggml_half half = someHalf();
            memcpy(bytes + at, &half, sizeof(half));
        }
    }
    std::vector<float> rows(width * numRows);
    ggml_get_type_traits(type)->to_float(stored.data, rows.data(), width * numStored);
    packed::pack<Format>(&matrix, static_cast<char *>(stored.data), numStored, 0, numRows);
    x.fill();
    for (int64_t i = 0; i < x.count(); i++) {
        x.f32()[i] *= isExtreme ? std::copysign(1 / x.f32()[i], x.f32()[i]) : i / RUN % 5;
    }
    checkProduct(packed::PACKED<Format>.kernel, matrix, rows, x, rounded(x), 1e-5);
}

void tryFloats(ggml_type type) {
    const bool isLarge = between(0, 9) == 0;  // more columns than stay in the cache, and rows for more than one turn
    const int64_t width = 32 * (isLarge ? between(40, 100) : between(1, 10));
    const int64_t numRows = isLarge ? between(33, 70) : between(1, 40), numColumns = isLarge ? between(40, 60) : between(1, 20);
    what = std::string(ggml_type_name(type)) + ", in place";
    Tensor matrix(type, {width, numRows}), x(GGML_TYPE_F32, {width, numColumns}), y(GGML_TYPE_F32, {numRows, numColumns});
    const auto rows = matrix.fill(), columns = x.fill();
    y.src[0] = &matrix;
    y.src[1] = &x;
    checkProduct(*floats::floatMatmulKernel(&y), matrix, rows, x, columns, type == GGML_TYPE_BF16 ? 1e-2 : 1e-5);
}

/* What one position gets, in double precision. */
std::vector<double> attended(const float * query, const float * keys, const float * values, int64_t count, int64_t headDim,
                             float scale, const std::function<bool(int64_t)> & isSeen) {
    std::vector<double> out(headDim);
    double total = 0;
    for (int64_t k = 0; k < count; k++) {
        double score = 0;
        for (int64_t d = 0; d < headDim; d++) {
            score += static_cast<double>(query[d]) * scale * keys[k * headDim + d];
        }
        const double weight = isSeen(k) ? std::exp(score) : 0;
        total += weight;
        for (int64_t d = 0; d < headDim; d++) {
            out[d] += weight * values[k * headDim + d];
        }
    }
    for (double & x : out) {
        x = total == 0 ? 0 : x / total;
    }
    return out;
}

void tryRagged(ggml_type type) {
    const int64_t headDim = 16 << between(type == GGML_TYPE_Q8_0 ? 1 : 0, 3), heads = between(1, 3), slots = between(1, 3);
    const int64_t numRows = between(1, 80), seq = between(1, 40);
    what = std::string("attention to slots of ") + ggml_type_name(type);
    const float scale = 0.3f;
    Tensor query(GGML_TYPE_F32, {headDim, seq, heads, 1});
    Tensor key(type, {headDim, numRows, heads, slots}), value(type, {headDim, numRows, heads, slots});
    Tensor slot(GGML_TYPE_I32, {seq}), count(GGML_TYPE_I32, {seq}), y(GGML_TYPE_F32, {headDim, heads, seq, 1});
    const auto queries = query.fill(), keys = key.fill(), values = value.fill();
    const bool isSorted = between(0, 1) == 0;
    for (int64_t i = 0; i < seq; i++) {
        slot.i32()[i] = isSorted ? i * slots / seq : between(0, slots - 1);
        count.i32()[i] = between(0, numRows);
    }
    ggml_set_op_params_f32(&y, ragged::SCALE_AT, scale);
    ggml_tensor * sources[] = {&query, &key, &value, &slot, &count};
    std::copy_n(sources, 5, y.src);
    run(*ragged::kernelFor(headDim, type), y);
    for (int64_t i = 0; i < seq; i++) {
        for (int64_t h = 0; h < heads; h++) {
            const int64_t at = (slot.i32()[i] * heads + h) * numRows * headDim;
            const auto expected = attended(&queries[(h * seq + i) * headDim], &keys[at], &values[at], count.i32()[i],
                                           headDim, scale, [](int64_t) { return true; });
            for (int64_t d = 0; d < headDim; d++) {
                checkClose(y.f32()[(i * heads + h) * headDim + d], expected[d], 2e-5);
            }
        }
    }
}

void tryMasked(ggml_type type) {
    const int64_t headDim = 16 << between(0, 3), heads = between(1, 3), texts = between(1, 2);
    const int64_t numKeys = between(1, 80), seq = between(1, 40);
    what = std::string("attention with masks to ") + ggml_type_name(type);
    const float scale = 0.3f;
    Tensor query(GGML_TYPE_F32, {headDim, seq, heads, texts});
    Tensor key(type, {headDim, numKeys, heads, texts}), value(type, {headDim, numKeys, heads, texts});
    Tensor mask(GGML_TYPE_F16, {numKeys, seq, 1, texts}), y(GGML_TYPE_F32, {headDim, heads, seq, texts});
    const auto queries = query.fill(), keys = key.fill(), values = value.fill();
    const bool hasHoles = between(0, 1) == 0;
    for (int64_t row = 0; row < seq * texts; row++) {
        const int64_t count = between(0, numKeys);
        for (int64_t k = 0; k < numKeys; k++) {
            mask.f16()[row * numKeys + k] = k >= count || (hasHoles && between(0, 4) == 0) ? 0xfc00 : 0;
        }
    }
    ggml_set_op_params_f32(&y, 0, scale);
    ggml_tensor * sources[] = {&query, &key, &value, &mask};
    std::copy_n(sources, 4, y.src);
    run(*masked::attentionKernel(&y), y);
    for (int64_t text = 0; text < texts; text++) {
        for (int64_t i = 0; i < seq; i++) {
            const uint16_t * row = mask.f16() + (text * seq + i) * numKeys;
            const auto isSeen = [&](int64_t k) { return row[k] == 0; };
            bool seesAny = false;
            for (int64_t k = 0; k < numKeys; k++) {
                seesAny |= isSeen(k);
            }
            for (int64_t h = 0; seesAny && h < heads; h++) {
                const int64_t head = text * heads + h;
                const auto expected = attended(&queries[(head * seq + i) * headDim], &keys[head * numKeys * headDim],
                                               &values[head * numKeys * headDim], numKeys, headDim, scale, isSeen);
                for (int64_t d = 0; d < headDim; d++) {
                    checkClose(y.f32()[((text * seq + i) * heads + h) * headDim + d], expected[d], 2e-5);
                }
            }
        }
    }
}

/* The logarithm of the sum of e^(x - largest). */
double logOfSum(const float * x, int64_t size) {
    const float largest = *std::max_element(x, x + size);
    double sum = 0;
    for (int64_t i = 0; i < size; i++) {
        sum += std::exp(static_cast<double>(x[i]) - largest);
    }
    return std::log(sum);
}

void tryLogits() {
    what = "logits";
    const int64_t size = between(1, 3000), padding = between(0, 20), numRows = between(1, 3), count = between(1, size);
    Tensor logits(GGML_TYPE_F32, {size + padding, numRows}), target(GGML_TYPE_I32, {numRows});
    logits.fill();
    for (int64_t i = 0; i < logits.count(); i++) {
        logits.f32()[i] = between(0, 1) == 0 ? logits.f32()[i] * 4 : between(-3, 3);  // with equal ones
    }
    for (int64_t row = 0; row < numRows; row++) {
        target.i32()[row] = between(0, size - 1);
    }
    Tensor y(GGML_TYPE_I32, {2 * count + 2, numRows}), z(GGML_TYPE_I32, {GPT2_SCORE_ELEMENTS, numRows});
    y.src[0] = z.src[0] = &logits;
    z.src[1] = &target;
    ggml_set_op_params_i32(&y, summary::VOCAB_SIZE_AT, size);
    ggml_set_op_params_i32(&z, targets::VOCAB_SIZE_AT, size);
    run(summary::KERNEL, y);
    run(targets::KERNEL, z);
    for (int64_t row = 0; row < numRows; row++) {
        const float * x = logits.f32() + row * (size + padding);
        const int32_t own = target.i32()[row];
        std::vector<int32_t> order(size);
        for (int64_t i = 0; i < size; i++) {
            order[i] = i;
        }
        std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return x[a] > x[b]; });
        const int64_t rank = std::find(order.begin(), order.end(), own) - order.begin() + 1;
        std::sort(order.begin(), order.begin() + count);
        const int32_t * found = y.i32() + row * (2 * count + 2);
        check(std::equal(order.begin(), order.begin() + count, found), "these are the largest");
        double logarithm;
        memcpy(&logarithm, found + 2 * count, sizeof(logarithm));
        checkClose(logarithm, logOfSum(x, size), 1e-6);
        targets::Score score;
        memcpy(&score, z.i32() + row * GPT2_SCORE_ELEMENTS, sizeof(score));
        check(score.rank == rank && score.target == x[own], "this is the rank of the target");
        checkClose(score.logOfSum, logOfSum(x, size), 1e-6);
        double out[GPT2_COMPARISON_ELEMENTS];
        const std::unique_ptr<float[]> base(new float[size]), other(new float[size]);
        std::copy_n(x, size, base.get());
        std::transform(x, x + size, other.get(), [](float logit) { return logit + 0.1f * normal(); });
        comparison::gpt2_compare_logits(base.get(), other.get(), 1, size, &own, out);
        double divergence = 0;
        const double p0 = *std::max_element(x, x + size) + logOfSum(x, size);
        const double q0 = *std::max_element(other.get(), other.get() + size) + logOfSum(other.get(), size);
        for (int64_t i = 0; i < size; i++) {
            divergence += std::exp(x[i] - p0) * ((x[i] - p0) - (other[i] - q0));
        }
        checkClose(out[2], divergence, 1e-5);
    }
}

void tryRows() {
    what = "gelu";
    Tensor x(GGML_TYPE_F32, {between(1, 200)}), y(GGML_TYPE_F32, {x.ne[0]});
    y.src[0] = &x;
    const auto values = x.fill();
    run(gelu::KERNEL, y);
    for (int64_t i = 0; i < x.count(); i++) {
        const double v = values[i];
        checkClose(y.f32()[i], 0.5 * v * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v))), 1e-6);
    }
    what = "norm";
    const int64_t width = LANES * between(1, 20), numRows = between(1, 5);
    Tensor rows(GGML_TYPE_F32, {width, numRows}), normalized(GGML_TYPE_F32, {width, numRows});
    normalized.src[0] = &rows;
    ggml_set_op_params_f32(&normalized, 0, 1e-5f);
    const auto numbers = rows.fill();
    run(norm::KERNEL, normalized);
    for (int64_t row = 0; row < numRows; row++) {
        double mean = 0, variance = 0;
        for (int64_t i = 0; i < width; i++) {
            mean += numbers[row * width + i] / width;
        }
        for (int64_t i = 0; i < width; i++) {
            variance += std::pow(numbers[row * width + i] - mean, 2) / width;
        }
        for (int64_t i = 0; i < width; i++) {
            const double expected = (numbers[row * width + i] - mean) / std::sqrt(variance + 1e-5);
            checkClose(normalized.f32()[row * width + i], expected, 1e-5 * (1 + std::abs(expected)));
        }
    }
}

}  // namespace

int main(int argc, char ** argv) {
    const long first = argc > 1 ? atol(argv[1]) : 1, count = argc > 2 ? atol(argv[2]) : 100;
    for (seed = first; seed < first + count; seed++) {
        generator.seed(seed);
        tryPacked<PackedQ8_0>(GGML_TYPE_Q8_0, {0});
        tryPacked<PackedQ4_0>(GGML_TYPE_Q4_0, {0});
        tryPacked<PackedQ4_K>(GGML_TYPE_Q4_K, {0, 2});
        tryPacked<PackedQ6_K>(GGML_TYPE_Q6_K, {208});
        for (const ggml_type type : {GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_BF16}) {
            tryFloats(type);
        }
        for (const ggml_type type : {GGML_TYPE_F32, GGML_TYPE_F16}) {
            tryMasked(type);
        }
        for (const ggml_type type : {GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_Q8_0}) {
            tryRagged(type);
        }
        tryLogits();
        tryRows();
        tryTraining();
    }
    printf("%ld seeds from %ld on, with %d lanes: all as expected\n", count, first, LANES);
    return 0;
}
