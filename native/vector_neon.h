/*
 * Vectors with NEON, which every 64-bit ARM processor has: see vector.h, and vector_avx512.h for what each function does.
 *
 * Each is two registers, so that lanes are as many as with AVX2, and sums come out with the same bits. What is broadcast to
 * all lanes then serves twice.
 */
#pragma once

#include <arm_neon.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

constexpr int LANES = 8;

struct F32 {
    float32x4_t low, high;
};

struct F64 {
    float64x2_t low, high;
};

struct I32 {
    int32x4_t low, high;

    uint32x4_t lowBits() const { return vreinterpretq_u32_s32(low); }
    uint32x4_t highBits() const { return vreinterpretq_u32_s32(high); }
};

/* Of each lane all bits, or none. */
struct Mask {
    uint32x4_t low = vdupq_n_u32(0), high = vdupq_n_u32(0);
};

/* Four numbers. */
using Four = float32x4_t;

inline I32 ofBits(uint32x4_t low, uint32x4_t high) {
    return {vreinterpretq_s32_u32(low), vreinterpretq_s32_u32(high)};
}

/* Masks. */

inline Mask operator&(Mask a, Mask b) {
    return {vandq_u32(a.low, b.low), vandq_u32(a.high, b.high)};
}

inline Mask operator|(Mask a, Mask b) {
    return {vorrq_u32(a.low, b.low), vorrq_u32(a.high, b.high)};
}

inline Mask & operator|=(Mask & a, Mask b) {
    return a = a | b;
}

inline Mask firstLanes(int64_t count) {
    static constexpr int32_t NUMBERS[LANES] = {0, 1, 2, 3, 4, 5, 6, 7};
    const int32x4_t bounded = vdupq_n_s32(static_cast<int32_t>(std::clamp<int64_t>(count, 0, LANES)));
    return {vcgtq_s32(bounded, vld1q_s32(NUMBERS)), vcgtq_s32(bounded, vld1q_s32(NUMBERS + 4))};
}

inline uint32_t bitsOf(Mask mask) {
    static constexpr uint32_t BITS[LANES] = {1, 2, 4, 8, 16, 32, 64, 128};
    return vaddvq_u32(vorrq_u32(vandq_u32(mask.low, vld1q_u32(BITS)), vandq_u32(mask.high, vld1q_u32(BITS + 4))));
}

inline bool hasAll(Mask mask) {
    return vminvq_u32(vandq_u32(mask.low, mask.high)) != 0;
}

/* Numbers in memory. */

inline void prefetch(const void * from) {
    __builtin_prefetch(from, 0, 3);
}

inline void prefetchFar(const void * from) {
    __builtin_prefetch(from, 0, 2);
}

inline F32 load(const float * from) {
    return {vld1q_f32(from), vld1q_f32(from + 4)};
}

inline void store(float * to, F32 x) {
    vst1q_f32(to, x.low);
    vst1q_f32(to + 4, x.high);
}

inline void store(float * to, Four x) {
    vst1q_f32(to, x);
}

inline F32 loadWhere(Mask mask, const float * from, F32 rest) {
    if (hasAll(mask)) {
        return load(from);
    }
    float lanes[LANES];
    store(lanes, rest);
    const uint32_t bits = bitsOf(mask);
    for (int i = 0; i < LANES; i++) {
        if (bits >> i & 1) {
            lanes[i] = from[i];
        }
    }
    return load(lanes);
}

inline F32 loadWhere(Mask mask, const float * from) {
    return loadWhere(mask, from, {vdupq_n_f32(0), vdupq_n_f32(0)});
}

inline void storeWhere(Mask mask, float * to, F32 x) {
    if (hasAll(mask)) {
        return store(to, x);
    }
    float lanes[LANES];
    store(lanes, x);
    const uint32_t bits = bitsOf(mask);
    for (int i = 0; i < LANES; i++) {
        if (bits >> i & 1) {
            to[i] = lanes[i];
        }
    }
}

inline F32 loadHalves(const uint16_t * from) {
    const float16x8_t halves = vreinterpretq_f16_u16(vld1q_u16(from));
    return {vcvt_f32_f16(vget_low_f16(halves)), vcvt_high_f32_f16(halves)};
}

inline F32 loadHalves(const uint16_t * from, int64_t count) {
    if (count >= LANES) {
        return loadHalves(from);
    }
    uint16_t padded[LANES] = {};
    memcpy(padded, from, count * sizeof(*from));
    return loadHalves(padded);
}

inline float fromHalf(uint16_t x) {
    __fp16 half;
    memcpy(&half, &x, sizeof(half));
    return half;
}

inline uint16_t toHalf(float x) {
    const __fp16 half = static_cast<__fp16>(x);
    uint16_t bits;
    memcpy(&bits, &half, sizeof(half));
    return bits;
}

inline F32 loadBFloats(const uint16_t * from) {
    const uint16x8_t numbers = vld1q_u16(from);
    return {vreinterpretq_f32_u32(vshll_n_u16(vget_low_u16(numbers), 16)),
            vreinterpretq_f32_u32(vshll_high_n_u16(numbers, 16))};
}

inline F32 loadBytes(const int8_t * from) {
    const int16x8_t numbers = vmovl_s8(vld1_s8(from));
    return {vcvtq_f32_s32(vmovl_s16(vget_low_s16(numbers))), vcvtq_f32_s32(vmovl_high_s16(numbers))};
}

/* Arithmetic. */

inline F32 zeros() {
    return {vdupq_n_f32(0), vdupq_n_f32(0)};
}

inline F32 broadcast(float x) {
    return {vdupq_n_f32(x), vdupq_n_f32(x)};
}

inline F32 add(F32 a, F32 b) {
    return {vaddq_f32(a.low, b.low), vaddq_f32(a.high, b.high)};
}

inline F32 subtract(F32 a, F32 b) {
    return {vsubq_f32(a.low, b.low), vsubq_f32(a.high, b.high)};
}

inline F32 multiply(F32 a, F32 b) {
    return {vmulq_f32(a.low, b.low), vmulq_f32(a.high, b.high)};
}

inline F32 divide(F32 a, F32 b) {
    return {vdivq_f32(a.low, b.low), vdivq_f32(a.high, b.high)};
}

inline F32 squareRoot(F32 x) {
    return {vsqrtq_f32(x.low), vsqrtq_f32(x.high)};
}

inline F32 multiplyAdd(F32 a, F32 b, F32 c) {
    return {vfmaq_f32(c.low, a.low, b.low), vfmaq_f32(c.high, a.high, b.high)};
}

inline F32 subtractProduct(F32 c, F32 a, F32 b) {
    return {vfmsq_f32(c.low, a.low, b.low), vfmsq_f32(c.high, a.high, b.high)};
}

inline F32 smaller(F32 a, F32 b) {
    return {vminq_f32(a.low, b.low), vminq_f32(a.high, b.high)};
}

inline F32 larger(F32 a, F32 b) {
    return {vmaxq_f32(a.low, b.low), vmaxq_f32(a.high, b.high)};
}

inline F32 magnitude(F32 x) {
    return {vabsq_f32(x.low), vabsq_f32(x.high)};
}

inline F32 round(F32 x) {
    return {vrndnq_f32(x.low), vrndnq_f32(x.high)};
}

inline F32 select(Mask mask, F32 x, F32 otherwise) {
    return {vbslq_f32(mask.low, x.low, otherwise.low), vbslq_f32(mask.high, x.high, otherwise.high)};
}

inline F32 keepWhere(Mask mask, F32 x) {
    return select(mask, x, zeros());
}

inline Mask isAtLeast(F32 a, F32 b) {
    return {vcgeq_f32(a.low, b.low), vcgeq_f32(a.high, b.high)};
}

inline Mask isGreater(F32 a, F32 b) {
    return {vcgtq_f32(a.low, b.low), vcgtq_f32(a.high, b.high)};
}

inline Mask isEqual(F32 a, F32 b) {
    return {vceqq_f32(a.low, b.low), vceqq_f32(a.high, b.high)};
}

/* All but those that are at most the largest finite number. */
inline Mask isNotFinite(F32 x) {
    const float32x4_t largest = vdupq_n_f32(3.402823466e38f);
    return {vmvnq_u32(vcaleq_f32(x.low, largest)), vmvnq_u32(vcaleq_f32(x.high, largest))};
}

inline float largestOf(F32 x) {
    return vmaxvq_f32(vmaxq_f32(x.low, x.high));
}

/* Double precision. */

inline F64 zeroDoubles() {
    return {vdupq_n_f64(0), vdupq_n_f64(0)};
}

inline F64 add(F64 a, F64 b) {
    return {vaddq_f64(a.low, b.low), vaddq_f64(a.high, b.high)};
}

inline F64 multiplyAdd(F64 a, F64 b, F64 c) {
    return {vfmaq_f64(c.low, a.low, b.low), vfmaq_f64(c.high, a.high, b.high)};
}

inline void store(double * to, F64 x) {
    vst1q_f64(to, x.low);
    vst1q_f64(to + 2, x.high);
}

inline F64 lowDoubles(F32 x) {
    return {vcvt_f64_f32(vget_low_f32(x.low)), vcvt_high_f64_f32(x.low)};
}

inline F64 highDoubles(F32 x) {
    return {vcvt_f64_f32(vget_low_f32(x.high)), vcvt_high_f64_f32(x.high)};
}

/* Whole numbers. */

inline I32 load(const void * from) {
    const auto * bytes = static_cast<const uint8_t *>(from);
    return {vreinterpretq_s32_u8(vld1q_u8(bytes)), vreinterpretq_s32_u8(vld1q_u8(bytes + 16))};
}

inline I32 broadcast(int32_t x) {
    return {vdupq_n_s32(x), vdupq_n_s32(x)};
}

inline I32 broadcastWord(const void * from) {
    int32_t word;
    memcpy(&word, from, sizeof(word));
    return broadcast(word);
}

inline I32 broadcastByte(char x) {
    const int32x4_t bytes = vreinterpretq_s32_u8(vdupq_n_u8(static_cast<uint8_t>(x)));
    return {bytes, bytes};
}

inline I32 bitAnd(I32 a, I32 b) {
    return {vandq_s32(a.low, b.low), vandq_s32(a.high, b.high)};
}

inline I32 bitOr(I32 a, I32 b) {
    return {vorrq_s32(a.low, b.low), vorrq_s32(a.high, b.high)};
}

inline I32 bitXor(I32 a, I32 b) {
    return {veorq_s32(a.low, b.low), veorq_s32(a.high, b.high)};
}

/* As unsigned numbers, which may wrap around: GCC's own functions for signed ones are `a + b` and `a * b`, of which what
 * happens then is not defined. */
inline int32x4_t add(int32x4_t a, int32x4_t b) {
    return vreinterpretq_s32_u32(vaddq_u32(vreinterpretq_u32_s32(a), vreinterpretq_u32_s32(b)));
}

inline int32x4_t multiply(int32x4_t a, int32x4_t b) {
    return vreinterpretq_s32_u32(vmulq_u32(vreinterpretq_u32_s32(a), vreinterpretq_u32_s32(b)));
}

inline I32 add(I32 a, I32 b) {
    return {add(a.low, b.low), add(a.high, b.high)};
}

inline I32 multiply(I32 a, I32 b) {
    return {multiply(a.low, b.low), multiply(a.high, b.high)};
}

inline I32 laneNumbers() {
    static constexpr int32_t NUMBERS[LANES] = {0, 1, 2, 3, 4, 5, 6, 7};
    return load(static_cast<const void *>(NUMBERS));
}

inline I32 bitsAsIntegers(F32 x) {
    return {vreinterpretq_s32_f32(x.low), vreinterpretq_s32_f32(x.high)};
}

inline F32 bitsAsFloats(I32 x) {
    return {vreinterpretq_f32_s32(x.low), vreinterpretq_f32_s32(x.high)};
}

/* With operators, of which compilers make shifts by a constant where they can; NEON has functions only for such. */

inline I32 shiftRight16(I32 x, int count) {
    const uint16x8_t by = vdupq_n_u16(static_cast<uint16_t>(count));
    const auto shift = [&](int32x4_t half) { return vreinterpretq_s32_u16(vreinterpretq_u16_s32(half) >> by); };
    return {shift(x.low), shift(x.high)};
}

inline I32 shiftRight32(I32 x, int count) {
    const uint32x4_t by = vdupq_n_u32(static_cast<uint32_t>(count));
    return ofBits(x.lowBits() >> by, x.highBits() >> by);
}

inline I32 shiftLeft16(I32 x, int count) {
    const uint16x8_t by = vdupq_n_u16(static_cast<uint16_t>(count));
    const auto shift = [&](int32x4_t half) { return vreinterpretq_s32_u16(vreinterpretq_u16_s32(half) << by); };
    return {shift(x.low), shift(x.high)};
}

inline I32 shiftLeft32(I32 x, int count) {
    const uint32x4_t by = vdupq_n_u32(static_cast<uint32_t>(count));
    return ofBits(x.lowBits() << by, x.highBits() << by);
}

inline I32 shiftRightSigned32(I32 x, int count) {
    const int32x4_t by = vdupq_n_s32(count);
    return {x.low >> by, x.high >> by};
}

inline F32 toFloats(I32 x) {
    return {vcvtq_f32_s32(x.low), vcvtq_f32_s32(x.high)};
}

inline I32 toIntegers(F32 x) {
    return {vcvtnq_s32_f32(x.low), vcvtnq_s32_f32(x.high)};
}

/* The exponent is raised, in the bits that hold it: x must not be so small or large that the sum does not fit there. */
inline F32 scaleByPower(F32 x, F32 n) {
    return bitsAsFloats(add(bitsAsIntegers(x), shiftLeft32(toIntegers(n), 23)));
}

inline Mask isGreater(I32 a, I32 b) {
    return {vcgtq_s32(a.low, b.low), vcgtq_s32(a.high, b.high)};
}

inline Mask isAtLeastUnsigned(I32 a, I32 b) {
    return {vcgeq_u32(a.lowBits(), b.lowBits()), vcgeq_u32(a.highBits(), b.highBits())};
}

inline int32_t sumOf(I32 x) {
    return vaddvq_s32(vaddq_s32(x.low, x.high));
}

inline void storeBytes(int8_t * to, I32 x) {
    vst1_s8(to, vqmovn_s16(vqmovn_high_s32(vqmovn_s32(x.low), x.high)));
}

#define GPT2_HAS_BYTE_PRODUCTS
constexpr bool TAKES_SIGNED_BYTES = true;

/* To each lane the four products of its bytes. None of `b` is -128: where there is no instruction for this, two products
 * have to fit into 16 bits. */
inline int32x4_t addByteProducts(int32x4_t sum, int32x4_t a, int32x4_t b) {
    const int8x16_t left = vreinterpretq_s8_s32(a), right = vreinterpretq_s8_s32(b);
#ifdef __ARM_FEATURE_DOTPROD
    return vdotq_s32(sum, left, right);
#else
    const int16x8_t low = vmull_s8(vget_low_s8(left), vget_low_s8(right));
    return vpadalq_s16(sum, vpaddq_s16(low, vmull_high_s8(left, right)));
#endif
}

inline I32 addByteProducts(I32 sum, I32 a, I32 b) {
    return {addByteProducts(sum.low, a.low, b.low), addByteProducts(sum.high, a.high, b.high)};
}

#ifdef __ARM_FEATURE_MATMUL_INT8

#define GPT2_HAS_PAIR_PRODUCTS

/* Of two neighbouring rows in each quarter: the sums of their products with two columns. */
struct PairSums {
    int32x4_t quarters[4];
};

/* Likewise: eight bytes of each. */
struct RowPairs {
    int8x16_t quarters[4];
};

inline PairSums beginPair(int32_t first, int32_t second) {
    const int32x2_t two = vset_lane_s32(second, vdup_n_s32(first), 1);
    const int32x4_t four = vcombine_s32(two, two);
    return {four, four, four, four};
}

/* Two words of each row, side by side. */
inline RowPairs rowsOfWords(I32 first, I32 second) {
    return {
        vreinterpretq_s8_s32(vzip1q_s32(first.low, second.low)),
        vreinterpretq_s8_s32(vzip2q_s32(first.low, second.low)),
        vreinterpretq_s8_s32(vzip1q_s32(first.high, second.high)),
        vreinterpretq_s8_s32(vzip2q_s32(first.high, second.high)),
    };
}

/* Adds the products of eight bytes of each row with those of each column: one instruction for two rows. */
inline void addPairProducts(PairSums & sums, const RowPairs & rows, const int8_t * first, const int8_t * second) {
    const int8x16_t columns = vcombine_s8(vld1_s8(first), vld1_s8(second));
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        sums.quarters[i] = vmmlaq_s32(sums.quarters[i], rows.quarters[i], columns);
    }
}

inline void endPair(const PairSums & sums, I32 & first, I32 & second) {
    const auto & x = sums.quarters;
    first = {vuzp1q_s32(x[0], x[1]), vuzp1q_s32(x[2], x[3])};
    second = {vuzp2q_s32(x[0], x[1]), vuzp2q_s32(x[2], x[3])};
}

#endif

/* Rows become columns. */
inline void transposeFour(float32x4_t (&x)[4]) {
    const auto pairs = [](float32x4_t a, float32x4_t b) { return vreinterpretq_f64_f32(vtrn1q_f32(a, b)); };
    const auto otherPairs = [](float32x4_t a, float32x4_t b) { return vreinterpretq_f64_f32(vtrn2q_f32(a, b)); };
    const float64x2_t even01 = pairs(x[0], x[1]), odd01 = otherPairs(x[0], x[1]);
    const float64x2_t even23 = pairs(x[2], x[3]), odd23 = otherPairs(x[2], x[3]);
    x[0] = vreinterpretq_f32_f64(vtrn1q_f64(even01, even23));
    x[1] = vreinterpretq_f32_f64(vtrn1q_f64(odd01, odd23));
    x[2] = vreinterpretq_f32_f64(vtrn2q_f64(even01, even23));
    x[3] = vreinterpretq_f32_f64(vtrn2q_f64(odd01, odd23));
}

inline void transposeFourWords(const char * from, const int64_t * offsets, uint32_t (*to)[LANES]) {
    for (int half = 0; half < LANES; half += 4) {
        float32x4_t rows[4];
        for (int i = 0; i < 4; i++) {
            const auto * row = reinterpret_cast<const uint8_t *>(from + offsets[half + i]);
            rows[i] = vreinterpretq_f32_u8(vld1q_u8(row));
        }
        transposeFour(rows);
        for (int i = 0; i < 4; i++) {
            vst1q_u32(to[i] + half, vreinterpretq_u32_f32(rows[i]));
        }
    }
}

inline void transpose(F32 (&x)[LANES]) {
    float32x4_t quarters[2][2][4];  // above and below, left and right
    for (int i = 0; i < LANES; i++) {
        quarters[i / 4][0][i % 4] = x[i].low;
        quarters[i / 4][1][i % 4] = x[i].high;
    }
    for (auto & half : quarters) {
        transposeFour(half[0]);
        transposeFour(half[1]);
    }
    for (int i = 0; i < LANES; i++) {
        x[i] = {quarters[0][i / 4][i % 4], quarters[1][i / 4][i % 4]};
    }
}

inline void loadTransposed(const float * const (&rows)[LANES], int64_t at, F32 (&x)[LANES]) {
    GPT2_UNROLL
    for (int i = 0; i < LANES; i++) {
        x[i] = load(rows[i] + at);
    }
    transpose(x);
}
