/*
 * What is tried of each kernel, has in common: random operands in memory of exactly their size, and threads that compute.
 */
#pragma once

#include "ggml-impl.h"
#include "ggml-quants.h"
#include "kernels.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

inline long seed;
inline std::mt19937 generator;
inline std::string what;  // is being tried

inline int64_t between(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(generator);
}

inline float normal() {
    return std::normal_distribution<float>()(generator);
}

inline void check(bool isRight, const char * claim) {
    if (!isRight) {
        fprintf(stderr, "seed %ld, %s: not so: %s\n", seed, what.c_str(), claim);
        exit(1);
    }
}

inline void checkClose(double actual, double expected, double tolerance) {
    if (!(std::abs(actual - expected) <= tolerance)) {
        fprintf(stderr, "seed %ld, %s: %.9g instead of %.9g (within %g)\n", seed, what.c_str(), actual, expected, tolerance);
        exit(1);
    }
}

inline bool sameBits(const float * a, const float * b, int64_t count) {
    return count == 0 || memcmp(a, b, count * sizeof(float)) == 0;
}

/* A tensor with memory of exactly its size. */
struct Tensor : ggml_tensor {
    std::unique_ptr<char, decltype(&free)> memory{nullptr, free};

    Tensor(ggml_type kind, std::vector<int64_t> sizes) : ggml_tensor{} {
        type = kind;
        sizes.resize(4, 1);
        std::copy(sizes.begin(), sizes.end(), ne);
        nb[0] = ggml_type_size(type);
        nb[1] = ggml_row_size(type, ne[0]);
        nb[2] = nb[1] * ne[1];
        nb[3] = nb[2] * ne[2];
        allocate(nb[3] * ne[3]);
    }
    void allocate(size_t bytes) {
        void * start = nullptr;
        check(posix_memalign(&start, CACHE_LINE, bytes) == 0, "there is memory");
        memory.reset(static_cast<char *>(start));
        data = start;
        std::fill_n(static_cast<char *>(start), bytes, '\xff');  // no numbers
    }

    float * f32() { return static_cast<float *>(data); }
    uint16_t * f16() { return static_cast<uint16_t *>(data); }
    int32_t * i32() { return static_cast<int32_t *>(data); }
    int64_t count() const { return ne[0] * ne[1] * ne[2] * ne[3]; }

    /* Normal numbers in the tensor's type, and what they are in it. */
    std::vector<float> fill() {
        std::vector<float> values(count());
        for (float & x : values) {
            x = normal();
        }
        if (type == GGML_TYPE_F32) {
            std::copy(values.begin(), values.end(), f32());
        } else if (type == GGML_TYPE_F16) {
            ggml_fp32_to_fp16_row(values.data(), f16(), count());
            ggml_fp16_to_fp32_row(f16(), values.data(), count());
        } else if (type == GGML_TYPE_BF16) {
            ggml_fp32_to_bf16_row_ref(values.data(), static_cast<ggml_bf16_t *>(data), count());
            ggml_bf16_to_fp32_row(static_cast<ggml_bf16_t *>(data), values.data(), count());
        } else {
            quantize_row_q8_0_ref(values.data(), static_cast<block_q8_0 *>(data), count());
            dequantize_row_q8_0(static_cast<block_q8_0 *>(data), values.data(), count());
        }
        return values;
    }
};

/* Computes with this many threads, with work memory of exactly the size that is asked for. */
void run(const Kernel & kernel, ggml_tensor & y, int numThreads = 1);

/* The kernels of native/training, once each. */
void tryTraining();
