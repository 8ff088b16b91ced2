/*
 * Runs the kernels of native/training/ on random operands of random strides, with one to three threads, which have to agree
 * bit by bit, and compares what comes out with plain loops in double precision.
 */
#include "fuzz.h"

#include "training/gpt2_training.h"

#include <functional>
#include <limits>
#include <numeric>

namespace {

constexpr int MOST_THREADS = 3;

/* The rounding of F32, of numbers around 1. */
constexpr double ROUNDING = 1e-5;
/* That of BF16, for numbers that are rounded after others were. */
constexpr double BF16_ROUNDING = 1e-2;

using Doubles = std::vector<double>;

/* A size up to `most`: often 1, or a multiple of the lanes of a vector, and neighbours of it. */
int64_t size(int64_t most) {
    const int64_t kind = between(0, 4);
    if (kind == 0) {
        return 1;
    }
    if (kind == 1) {
        return std::clamp<int64_t>(LANES * between(1, 1 + most / LANES) + between(-1, 1), 1, most);
    }
    return between(1, most);
}

/* The same, or none. */
int64_t sizeOrNone(int64_t most) {
    return between(0, 19) == 0 ? 0 : size(most);
}

std::string text(const ggml_tensor & x) {
    std::string all;
    for (int axis = 0; axis < 4; axis++) {
        all += (axis == 0 ? "(" : ", ") + std::to_string(x.ne[axis]) + "/" + std::to_string(x.nb[axis]);
    }
    return all + ")";
}

/* F32 with axes that lie in any order and with gaps between them, in memory of exactly what lies between the first number and
 * the last one. */
struct Strided : Tensor {
    /* `rowsAreWhole`: the numbers of the innermost axis lie side by side. */
    Strided(const std::vector<int64_t> & sizes, bool rowsAreWhole) : Tensor(GGML_TYPE_F32, sizes) {
        std::vector<int> order(4);
        std::iota(order.begin(), order.end(), 0);
        if (between(0, 2) > 0) {
            std::shuffle(order.begin() + rowsAreWhole, order.end(), generator);
        }
        int64_t stride = rowsAreWhole || between(0, 3) > 0 ? 1 : between(1, 3), numbers = 1;
        for (const int axis : order) {
            nb[axis] = stride * sizeof(float);
            numbers += (ne[axis] - 1) * stride;
            stride *= ne[axis];
            stride += between(0, 3) == 0 ? between(1, 20) : 0;
        }
        const bool isEmpty = count() == 0;
        allocate(isEmpty ? 0 : numbers * sizeof(float));
        for (int64_t i = 0; i < count(); i++) {
            (*this)[i] = normal();
        }
    }

    /* Number `i` in the order of the axes. */
    float & operator[](int64_t i) {
        char * at = static_cast<char *>(data);
        for (int axis = 0; axis < 4; axis++, i /= ne[axis - 1]) {
            at += i % ne[axis] * nb[axis];
        }
        return *reinterpret_cast<float *>(at);
    }

    Doubles numbers() {
        Doubles all(count());
        for (int64_t i = 0; i < count(); i++) {
            all[i] = (*this)[i];
        }
        return all;
    }
};

/* Normal numbers that lie side by side. */
Tensor filled(std::vector<int64_t> sizes) {
    Tensor x(GGML_TYPE_F32, std::move(sizes));
    x.fill();
    return x;
}

Tensor integers(int64_t count, const std::function<int32_t()> & draw) {
    Tensor x(GGML_TYPE_I32, {count});
    std::generate_n(x.i32(), count, draw);
    return x;
}

/* Of two, to the even one. */
float toBF16(float x) {
    return ggml_compute_bf16_to_fp32(ggml_compute_fp32_to_bf16(x));
}

double rounded(double x, bool rounds) {
    return rounds ? toBF16(static_cast<float>(x)) : x;
}

Doubles rounded(Doubles all, bool rounds) {
    for (double & x : all) {
        x = rounded(x, rounds);
    }
    return all;
}

/* An operation in a context of its own. */
struct Operation {
    ggml_context * context;
    ggml_tensor *  y;

    explicit Operation(const std::function<ggml_tensor *(ggml_context *)> & make)
        : context(ggml_init({8 * ggml_tensor_overhead(), nullptr, true})), y(make(context)) {}
    Operation(const Operation &) = delete;
    ~Operation() { ggml_free(context); }
};

/* What an operation gives, with one to three threads. ggml computes nothing that is empty. */
std::vector<float> results(const std::function<ggml_tensor *(ggml_context *)> & make) {
    std::vector<float> first;
    for (int numThreads = 1; numThreads <= MOST_THREADS; numThreads++) {
        const Operation operation(make);
        ggml_tensor & y = *operation.y;
        Tensor memory(GGML_TYPE_F32, {ggml_nelements(&y)});
        y.data = memory.data;
        if (!ggml_is_empty(&y)) {
            run(*trainingKernel(&y), y, numThreads);
        }
        const std::vector<float> numbers(memory.f32(), memory.f32() + memory.count());
        if (numThreads == 1) {
            first = numbers;
        }
        check(sameBits(first.data(), numbers.data(), numbers.size()), "threads do not change the result");
    }
    return first;
}

/* Computes an operation in place of operands, of which each number of threads gets copies; the last one's stay. */
void overwrite(const std::vector<Tensor *> & overwritten, const std::function<ggml_tensor *(ggml_context *)> & make) {
    std::vector<std::vector<float>> before, first;
    for (Tensor * x : overwritten) {
        before.emplace_back(x->f32(), x->f32() + x->count());
    }
    for (int numThreads = 1; numThreads <= MOST_THREADS; numThreads++) {
        for (size_t i = 0; i < overwritten.size(); i++) {
            std::copy(before[i].begin(), before[i].end(), overwritten[i]->f32());
        }
        const Operation operation(make);
        if (!ggml_is_empty(operation.y)) {
            run(*trainingKernel(operation.y), *operation.y, numThreads);
        }
        for (size_t i = 0; i < overwritten.size(); i++) {
            const float * numbers = overwritten[i]->f32();
            if (numThreads == 1) {
                first.emplace_back(numbers, numbers + before[i].size());
            }
            check(sameBits(first[i].data(), numbers, before[i].size()), "threads do not change the result");
        }
    }
}

void checkAll(const std::vector<float> & actual, const Doubles & expected, const Doubles & tolerances) {
    check(actual.size() == expected.size(), "there are as many numbers as expected");
    for (size_t i = 0; i < actual.size(); i++) {
        checkClose(actual[i], expected[i], tolerances[i]);
    }
}

/* A sum of products, and what the sum of their magnitudes allows it to be off. */
struct Sum {
    double value = 0, magnitude = 0;

    void add(double x) {
        value += x;
        magnitude += std::abs(x);
    }
};

void tryStridedProduct() {
    const bool isLarge = between(0, 9) == 0;  // more than is multiplied at once, of rows and of their numbers
    const int64_t inner = isLarge ? between(250, 600) : size(70), rows = isLarge ? between(500, 560) : sizeOrNone(50);
    const int64_t columns = isLarge ? between(1, 20) : sizeOrNone(50);
    const int64_t outer[2] = {isLarge ? 1 : between(1, 3), isLarge ? 1 : between(1, 2)};
    const bool rounds = between(0, 1) == 1;
    Strided weight({inner, rows, between(0, 1) == 0 ? 1 : outer[0], between(0, 1) == 0 ? 1 : outer[1]}, false);
    Strided x({inner, columns, outer[0], outer[1]}, false);
    what = "product of " + text(weight) + " and " + text(x) + (rounds ? ", rounded" : "");
    const Doubles w = rounded(weight.numbers(), rounds), v = rounded(x.numbers(), rounds);
    Doubles expected, tolerances;
    for (int64_t c = 0; c < columns * outer[0] * outer[1]; c++) {
        const int64_t i2 = c / columns % outer[0], i3 = c / columns / outer[0];
        const int64_t matrix = i2 % weight.ne[2] + i3 % weight.ne[3] * weight.ne[2];
        for (int64_t r = 0; r < rows; r++) {
            Sum sum;
            for (int64_t i = 0; i < inner; i++) {
                sum.add(w[(matrix * rows + r) * inner + i] * v[c * inner + i]);
            }
            expected.push_back(sum.value);
            tolerances.push_back(ROUNDING * sum.magnitude);
        }
    }
    checkAll(results([&](auto * context) { return gpt2_strided_product(context, &weight, &x, rounds); }), expected, tolerances);
}

void tryProductWithRows() {
    const ggml_type types[] = {GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_BF16, GGML_TYPE_Q8_0};
    const ggml_type type = types[between(0, 3)];
    const int64_t block = ggml_blck_size(type);
    const int64_t inner = block * (between(0, 9) == 0 ? between(512, 700) / block : size(70)), rows = size(70);
    const int64_t columns = sizeOrNone(50);
    const bool rounds = between(0, 1) == 1;
    Tensor weight(type, {inner, rows});
    const auto w = weight.fill();
    Strided x({rows, columns}, false);
    what = std::string("product with rows of ") + ggml_type_name(type) + " " + text(weight) + " and " + text(x) +
           (rounds ? ", rounded" : "");
    const Doubles v = rounded(x.numbers(), rounds);
    Doubles expected, tolerances;
    for (int64_t c = 0; c < columns; c++) {
        for (int64_t i = 0; i < inner; i++) {
            Sum sum;
            for (int64_t r = 0; r < rows; r++) {
                sum.add(rounded(w[r * inner + i], rounds) * v[c * rows + r]);
            }
            expected.push_back(sum.value);
            tolerances.push_back(ROUNDING * sum.magnitude);
        }
    }
    checkAll(results([&](auto * context) { return gpt2_product_with_rows(context, &weight, &x, rounds); }), expected,
             tolerances);
}

/* The hash of native/training/dropout.h, number by number. */
struct Drops {
    Tensor   seed = integers(2, [] { return static_cast<int32_t>(generator()); });
    float    probability = between(0, 3) == 0 ? 0 : between(1, 9) / 10.0f;
    uint32_t stream = generator();

    static uint32_t mix(uint32_t x) {
        x = (x ^ (x >> 16)) * 0x85ebca6bu;
        x = (x ^ (x >> 13)) * 0xc2b2ae35u;
        return x ^ (x >> 16);
    }

    /* What the number at a place is multiplied with. */
    double factor(int64_t place) {
        const uint32_t key = mix(mix(mix(seed.i32()[0]) + seed.i32()[1]) + stream);
        const uint32_t hash = mix(mix(static_cast<uint32_t>(place) ^ key) + key);
        return hash < probability * 4294967296.0 ? 0 : 1 / (1.0 - probability);
    }
};

void tryDropout() {
    Drops drops;
    Tensor x = filled({sizeOrNone(70), size(5), size(3)});
    what = "dropout of " + text(x);
    Doubles expected, tolerances;
    for (int64_t i = 0; i < x.count(); i++) {
        expected.push_back(x.f32()[i] * drops.factor(i));
        tolerances.push_back(ROUNDING * std::abs(expected[i]));
    }
    checkAll(results([&](auto * context) { return gpt2_dropout(context, &x, &drops.seed, drops.probability, drops.stream); }),
             expected, tolerances);
}

/* Attention of one head, in double precision. */
struct HeadInDoubles {
    int64_t seq, headDim;
    Doubles weights, dropped, logSums, output;

    HeadInDoubles(const double * q, const double * k, const double * v, int64_t seq, int64_t headDim, double scale, bool rounds,
                  const std::function<double(int64_t)> & factor)
        : seq(seq), headDim(headDim), weights(seq * seq), dropped(seq * seq), logSums(seq), output(seq * headDim) {
        for (int64_t i = 0; i < seq; i++) {
            double total = 0;
            for (int64_t j = 0; j <= i; j++) {
                double score = 0;
                for (int64_t d = 0; d < headDim; d++) {
                    score += rounded(q[i * headDim + d], rounds) * rounded(k[j * headDim + d], rounds);
                }
                total += weights[i * seq + j] = std::exp(score * scale);
            }
            logSums[i] = std::log(total);
            for (int64_t j = 0; j <= i; j++) {
                weights[i * seq + j] /= total;
                dropped[i * seq + j] = weights[i * seq + j] * factor(i * seq + j);
                for (int64_t d = 0; d < headDim; d++) {
                    output[i * headDim + d] += rounded(dropped[i * seq + j], rounds) * rounded(v[j * headDim + d], rounds);
                }
            }
        }
    }
};

void tryAttention() {
    const int64_t headDim = size(between(0, 9) == 0 ? 256 : 40), heads = between(1, 3), batch = between(1, 2);
    const int64_t seq = between(0, 9) == 0 ? between(129, 140) : size(40);  // more than are computed at once, or fewer
    const bool rounds = between(0, 1) == 1;
    const float scale = 0.3f;
    const double rounding = rounds ? BF16_ROUNDING : ROUNDING;
    Drops drops;
    const bool isDropped = drops.probability > 0;
    const std::vector<int64_t> sizes = {headDim, seq, heads, batch};
    Strided query(sizes, true), key(sizes, true), value(sizes, true), gradient(sizes, true), output(sizes, true);
    Tensor logSums(GGML_TYPE_F32, {seq, heads, batch});
    what = "attention of " + text(query) + ", " + text(key) + ", " + text(value) + (rounds ? ", rounded" : "") +
           (isDropped ? ", dropped" : "");
    const Doubles q = query.numbers(), k = key.numbers(), v = value.numbers(), g = gradient.numbers();
    const int64_t size = query.count(), ofHead = seq * headDim;
    Doubles expected(size + size / headDim), tolerances(expected.size());
    Doubles expectedBack(3 * size), tolerancesBack(3 * size);
    for (int64_t head = 0; head < heads * batch; head++) {
        const double *qs = &q[head * ofHead], *ks = &k[head * ofHead], *vs = &v[head * ofHead], *gs = &g[head * ofHead];
        const auto factor = [&](int64_t place) { return isDropped ? drops.factor(head * seq * seq + place) : 1; };
        const HeadInDoubles forward(qs, ks, vs, seq, headDim, scale, rounds, factor);
        /* Where rows of (head_dim, heads, seq, batch) lie. */
        const auto rowOf = [&](int64_t i, int64_t parts, int64_t part) {
            return (((head / heads * seq + i) * parts + part) * heads + head % heads) * headDim;
        };
        for (int64_t i = 0; i < seq; i++) {
            logSums.f32()[head * seq + i] = forward.logSums[i];
            expected[size + head * seq + i] = forward.logSums[i];
            tolerances[size + head * seq + i] = ROUNDING * (1 + std::abs(forward.logSums[i])) * std::sqrt(headDim);
            for (int64_t d = 0; d < headDim; d++) {
                const double x = forward.output[i * headDim + d];
                output[head * ofHead + i * headDim + d] = x;
                expected[rowOf(i, 1, 0) + d] = x;
                tolerances[rowOf(i, 1, 0) + d] = 4 * rounding * std::sqrt(headDim) / (1 - drops.probability);
            }
        }
        for (int64_t i = 0; i < seq; i++) {
            double inner = 0;
            for (int64_t d = 0; d < headDim; d++) {
                inner += gs[i * headDim + d] * forward.output[i * headDim + d];
            }
            for (int64_t j = 0; j <= i; j++) {
                double ofWeight = 0;
                for (int64_t d = 0; d < headDim; d++) {
                    ofWeight += rounded(gs[i * headDim + d], rounds) * rounded(vs[j * headDim + d], rounds);
                }
                const double weight = forward.weights[i * seq + j];
                const double ofScore = weight * scale * (ofWeight * factor(i * seq + j) - inner);
                for (int64_t d = 0; d < headDim; d++) {
                    const double parts[] = {ofScore * ks[j * headDim + d], ofScore * qs[i * headDim + d],
                                            forward.dropped[i * seq + j] * gs[i * headDim + d]};
                    const int64_t rows[] = {rowOf(i, 3, 0), rowOf(j, 3, 1), rowOf(j, 3, 2)};
                    for (int part = 0; part < 3; part++) {
                        expectedBack[rows[part] + d] += parts[part];
                        tolerancesBack[rows[part] + d] += 4 * rounding * headDim * weight / (1 - drops.probability) *
                                                          (1 + std::abs(parts[part] / (weight + 1e-30)));
                    }
                }
            }
        }
    }
    ggml_tensor * seeds = isDropped ? &drops.seed : nullptr;
    checkAll(results([&](auto * context) {
                 return gpt2_causal_attention(context, &query, &key, &value, seeds, scale, drops.probability, drops.stream, rounds);
             }),
             expected, tolerances);
    what = "gradients of " + what;
    checkAll(results([&](auto * context) {
                 return gpt2_causal_attention_gradients(context, &query, &key, &value, &output, &logSums, &gradient, seeds, scale,
                                                        drops.probability, drops.stream, rounds);
             }),
             expectedBack, tolerancesBack);
}

void tryLayerNormGradients() {
    const float epsilon = 1e-5f;
    const int64_t width = size(200), rows = sizeOrNone(100);
    Tensor x = filled({width, rows}), weight = filled({width}), gradient = filled({width, rows});
    what = "gradients of layer norm of " + text(x);
    Doubles expected(x.count() + 2 * width), tolerances(expected.size());
    for (int64_t row = 0; row < rows; row++) {
        const float *xs = x.f32() + row * width, *gs = gradient.f32() + row * width, *ws = weight.f32();
        double mean = 0, variance = 0, plain = 0, weighted = 0, largest = 0;
        for (int64_t i = 0; i < width; i++) {
            mean += static_cast<double>(xs[i]) / width;
        }
        for (int64_t i = 0; i < width; i++) {
            variance += (xs[i] - mean) * (xs[i] - mean) / width;
        }
        const double factor = 1 / std::sqrt(variance + epsilon);
        const auto z = [&](int64_t i) { return (xs[i] - mean) * factor; };
        for (int64_t i = 0; i < width; i++) {
            const double h = static_cast<double>(gs[i]) * ws[i];
            plain += h / width;
            weighted += h * z(i) / width;
            largest = std::max(largest, std::abs(h));
        }
        for (int64_t i = 0; i < width; i++) {
            const int64_t at = row * width + i;
            expected[at] = (static_cast<double>(gs[i]) * ws[i] - plain - z(i) * weighted) * factor;
            /* Distances from the mean are as exact as the mean is, however small they are themselves. */
            tolerances[at] = ROUNDING * factor * (1 + factor) * (1 + largest) * (1 + std::abs(z(i)));
            expected[x.count() + i] += gs[i] * z(i);
            tolerances[x.count() + i] += ROUNDING * (1 + factor) * (1 + std::abs(gs[i])) * (1 + std::abs(z(i)));
            expected[x.count() + width + i] += gs[i];
            tolerances[x.count() + width + i] += ROUNDING * std::abs(gs[i]);
        }
    }
    checkAll(results([&](auto * context) { return gpt2_layer_norm_gradients(context, &x, &weight, &gradient, epsilon); }),
             expected, tolerances);
}

void tryCrossEntropy() {
    const int64_t vocab = size(300), columns = vocab + (between(0, 1) == 0 ? 0 : between(1, 40)), rows = sizeOrNone(10);
    Tensor logits(GGML_TYPE_F32, {columns, rows});
    Tensor targets = integers(rows, [&] { return between(0, 5) == 0 ? between(-2, -1) : between(0, columns - 1); });
    Tensor factor = filled({1});
    what = "cross-entropy of " + text(logits) + ", of which " + std::to_string(vocab) + " count";
    const int64_t odd = between(0, 4) == 0 && rows > 0 ? between(0, rows - 1) : -1;  // a row with a number that is not finite
    Doubles losses, gradients;
    for (int64_t row = 0; row < rows; row++) {
        float * xs = logits.f32() + row * columns;  // what does not count stays no number
        std::generate_n(xs, vocab, [] { return 4 * normal(); });
        const int32_t target = targets.i32()[row];
        const bool counts = target >= 0 && target < vocab;
        double sum = 0;
        for (int64_t i = 0; i < vocab; i++) {
            sum += std::exp(static_cast<double>(xs[i]));
        }
        losses.push_back(counts ? std::log(sum) - xs[target] : 0);
        losses.push_back(std::log(sum));
        for (int64_t i = 0; i < columns; i++) {
            const double probability = counts && i < vocab ? std::exp(static_cast<double>(xs[i])) / sum : 0;
            gradients.push_back((probability - (counts && i == target)) * factor.f32()[0]);
        }
    }
    Tensor entropies(GGML_TYPE_F32, {2, rows});
    std::copy(losses.begin(), losses.end(), entropies.f32());
    const float kept = odd < 0 ? 0 : logits.f32()[odd * columns];
    if (odd >= 0) {
        const float numbers[] = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                                 -std::numeric_limits<float>::infinity()};
        logits.f32()[odd * columns] = numbers[between(0, 2)];
    }
    const auto found = results([&](auto * context) { return gpt2_cross_entropy(context, &logits, &targets, vocab); });
    for (int64_t i = 0; i < 2 * rows; i++) {
        if (i / 2 == odd) {
            check(std::isnan(found[i]), "a logit that is not finite is seen in the loss");
        } else {
            checkClose(found[i], losses[i], ROUNDING * (1 + std::abs(losses[i / 2 * 2 + 1])));
        }
    }
    if (odd >= 0) {
        logits.f32()[odd * columns] = kept;
    }
    what = "gradient of " + what;
    overwrite({&logits}, [&](auto * context) {
        return gpt2_cross_entropy_gradient(context, &logits, &targets, &entropies, &factor, vocab);
    });
    for (int64_t i = 0; i < logits.count(); i++) {
        checkClose(logits.f32()[i], gradients[i], 2 * ROUNDING * std::abs(factor.f32()[0]));
    }
}

void tryGeluGradient() {
    const bool isExact = between(0, 1) == 1;
    Tensor x = filled({sizeOrNone(70), size(4)}), gradient = filled({x.ne[0], x.ne[1]});
    what = std::string("gradient of ") + (isExact ? "exact " : "") + "GELU of " + text(x);
    const float infinity = std::numeric_limits<float>::infinity();
    Doubles expected, tolerances;
    for (int64_t i = 0; i < x.count(); i++) {
        const float far[] = {1e30f, -1e30f, infinity, -infinity, 20, -20, 0, 1e-30f};
        float & v = x.f32()[i];
        v = between(0, 9) == 0 ? far[between(0, 7)] : 4 * v;
        double derivative = v > 0;
        if (std::abs(v) < 16) {
            const double square = static_cast<double>(v) * v, u = std::sqrt(2 / M_PI) * (v + 0.044715 * v * square);
            const double t = std::tanh(u), steepness = std::sqrt(2 / M_PI) * (1 + 3 * 0.044715 * square);
            derivative = isExact ? 0.5 * std::erfc(-v / std::sqrt(2)) + v * std::exp(-square / 2) / std::sqrt(2 * M_PI)
                                 : 0.5 * (1 + t) + 0.5 * v * (1 - t * t) * steepness;
        }
        expected.push_back(derivative * gradient.f32()[i]);
        tolerances.push_back(ROUNDING * std::abs(gradient.f32()[i]));
    }
    checkAll(results([&](auto * context) { return gpt2_gelu_gradient(context, &x, &gradient, isExact); }), expected, tolerances);
}

void trySumOverRows() {
    Strided x({size(200), sizeOrNone(70), size(4), size(3)}, true);
    what = "sum over rows of " + text(x);
    const Doubles numbers = x.numbers();
    Doubles expected(x.ne[0]), tolerances(x.ne[0]);
    for (int64_t i = 0; i < x.count(); i++) {
        expected[i % x.ne[0]] += numbers[i];
        tolerances[i % x.ne[0]] += ROUNDING * std::abs(numbers[i]);
    }
    checkAll(results([&](auto * context) { return gpt2_sum_over_rows(context, &x); }), expected, tolerances);
}

void tryAddRows() {
    const int64_t width = size(100), numRows = size(20), count = sizeOrNone(40);
    const bool isInPlace = between(0, 1) == 1;
    Tensor table = filled({width, numRows}), rows = filled({width, count});
    Tensor ids = integers(count, [&] { return between(-1, numRows); });
    what = std::string(isInPlace ? "rows added in place to " : "rows added to zeros, ") + text(table);
    Doubles expected(table.count()), tolerances(table.count());
    for (int64_t i = 0; isInPlace && i < table.count(); i++) {
        expected[i] = table.f32()[i];
        tolerances[i] = ROUNDING * std::abs(expected[i]);
    }
    for (int64_t i = 0; i < rows.count(); i++) {
        const int64_t id = ids.i32()[i / width];
        if (id >= 0 && id < numRows) {
            expected[id * width + i % width] += rows.f32()[i];
            tolerances[id * width + i % width] += ROUNDING * std::abs(rows.f32()[i]);
        }
    }
    if (isInPlace) {
        overwrite({&table}, [&](auto * context) { return gpt2_add_rows_at(context, &table, &ids, &rows, numRows); });
        checkAll({table.f32(), table.f32() + table.count()}, expected, tolerances);
    } else {
        checkAll(results([&](auto * context) { return gpt2_add_rows_at(context, nullptr, &ids, &rows, numRows); }), expected,
                 tolerances);
    }
}

void trySumOfSquares() {
    Tensor x = filled({between(0, 9) == 0 ? between(16000, 50000) : sizeOrNone(300)});  // more than a part, or fewer
    what = "sum of squares of " + text(x);
    double sum = 0;
    for (int64_t i = 0; i < x.count(); i++) {
        sum += static_cast<double>(x.f32()[i]) * x.f32()[i];
    }
    checkAll(results([&](auto * context) { return gpt2_sum_of_squares(context, &x); }), {sum}, {1e-7 * sum});
}

void tryAdamW() {
    const int64_t count = size(300);
    Tensor weight = filled({count}), gradient = filled({count}), first = filled({count}), second = filled({count});
    std::transform(second.f32(), second.f32() + count, second.f32(), [](float x) { return x * x; });
    Tensor settings(GGML_TYPE_F32, {8}), squaredNorm = filled({1});
    const float numbers[8] = {0.1f, 0.9f, 0.99f, 1e-8f, 0.1f, 2, 3, between(0, 1) == 0 ? 0 : 0.5f};
    std::copy_n(numbers, 8, settings.f32());
    squaredNorm.f32()[0] = std::pow(squaredNorm.f32()[0], 2);
    what = "AdamW of " + text(weight);
    const auto [rate, beta1, beta2, epsilon, decay, firstFactor, secondFactor, norm] = numbers;
    const double clip = norm == 0 ? 1 : std::min(1.0, norm / (std::sqrt(static_cast<double>(squaredNorm.f32()[0])) + 1e-6));
    Doubles weights, firsts, seconds;
    for (int64_t i = 0; i < count; i++) {
        const double g = gradient.f32()[i] * clip;
        firsts.push_back(beta1 * static_cast<double>(first.f32()[i]) + (1.0 - beta1) * g);
        seconds.push_back(beta2 * static_cast<double>(second.f32()[i]) + (1.0 - beta2) * g * g);
        weights.push_back(weight.f32()[i] * (1.0 - static_cast<double>(rate) * decay) -
                          rate * firstFactor * firsts[i] / (std::sqrt(secondFactor * seconds[i]) + epsilon));
    }
    overwrite({&weight, &first, &second}, [&](auto * context) {
        return gpt2_adam_w(context, &weight, &gradient, &first, &second, &settings, &squaredNorm);
    });
    for (int64_t i = 0; i < count; i++) {
        checkClose(first.f32()[i], firsts[i], ROUNDING * (1 + std::abs(firsts[i])));
        checkClose(second.f32()[i], seconds[i], ROUNDING * (1 + seconds[i]));
        const double step = rate * firstFactor / (std::sqrt(secondFactor * seconds[i]) + epsilon);
        checkClose(weight.f32()[i], weights[i], ROUNDING * (1 + std::abs(weights[i]) + step * (1 + std::abs(firsts[i]))));
    }
}

}  // namespace

void tryTraining() {
    tryStridedProduct();
    tryProductWithRows();
    tryAttention();
    tryLayerNormGradients();
    tryCrossEntropy();
    tryGeluGradient();
    trySumOverRows();
    tryAddRows();
    trySumOfSquares();
    tryAdamW();
    tryDropout();
}
