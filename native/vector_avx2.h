/*
 * Vectors with AVX2, FMA and F16C: see vector.h, and vector_avx512.h for what each function does.
 */
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

constexpr int LANES = 8;

using F32 = __m256;
using F64 = __m256d;
using I32 = __m256i;
using Four = __m128;

/* Of each lane all bits, or none. */
struct Mask {
    __m256i lanes = _mm256_setzero_si256();

    __m256 floats() const { return _mm256_castsi256_ps(lanes); }
};

/* Masks. */

inline Mask operator&(Mask a, Mask b) {
    return {_mm256_and_si256(a.lanes, b.lanes)};
}

inline Mask operator|(Mask a, Mask b) {
    return {_mm256_or_si256(a.lanes, b.lanes)};
}

inline Mask & operator|=(Mask & a, Mask b) {
    return a = a | b;
}

inline Mask firstLanes(int64_t count) {
    const int32_t bounded = static_cast<int32_t>(std::clamp<int64_t>(count, 0, LANES));
    return {_mm256_cmpgt_epi32(_mm256_set1_epi32(bounded), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))};
}

inline uint32_t bitsOf(Mask mask) {
    return _mm256_movemask_ps(mask.floats());
}

/* Numbers in memory. */

inline void prefetch(const void * from) {
    _mm_prefetch(static_cast<const char *>(from), _MM_HINT_T0);
}

inline void prefetchFar(const void * from) {
    _mm_prefetch(static_cast<const char *>(from), _MM_HINT_T1);
}

inline F32 load(const float * from) {
    return _mm256_loadu_ps(from);
}

inline F32 loadWhere(Mask mask, const float * from, F32 rest) {
    return _mm256_blendv_ps(rest, _mm256_maskload_ps(from, mask.lanes), mask.floats());
}

inline F32 loadWhere(Mask mask, const float * from) {
    return _mm256_maskload_ps(from, mask.lanes);
}

inline void store(float * to, F32 x) {
    _mm256_storeu_ps(to, x);
}

inline void store(float * to, Four x) {
    _mm_storeu_ps(to, x);
}

inline void storeWhere(Mask mask, float * to, F32 x) {
    _mm256_maskstore_ps(to, mask.lanes, x);
}

inline F32 loadHalves(const uint16_t * from) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i *>(from)));
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
    return _cvtsh_ss(x);
}

inline uint16_t toHalf(float x) {
    return _cvtss_sh(x, _MM_FROUND_TO_NEAREST_INT);
}

/* For each half of a register the places of its four numbers of 16 bits, as the upper halves of lanes. */
alignas(32) constexpr int8_t UPPER_HALVES[32] = {
    -1, -1, 0, 1, -1, -1, 2,  3,  -1, -1, 4,  5,  -1, -1, 6,  7,
    -1, -1, 8, 9, -1, -1, 10, 11, -1, -1, 12, 13, -1, -1, 14, 15,
};

inline F32 loadBFloats(const uint16_t * from) {
    __m256i numbers = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i *>(from)));
#ifdef __GNUC__
    /* The places stay in memory: GCC would hold them in a register, and one of the sums of a product in memory instead. */
    __asm__("vpshufb %1, %0, %0" : "+x"(numbers) : "m"(UPPER_HALVES));
#else
    numbers = _mm256_shuffle_epi8(numbers, _mm256_load_si256(reinterpret_cast<const __m256i *>(UPPER_HALVES)));
#endif
    return _mm256_castsi256_ps(numbers);
}

inline F32 loadBytes(const int8_t * from) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i *>(from))));
}

/* Arithmetic. */

inline F32 zeros() {
    return _mm256_setzero_ps();
}

inline F32 broadcast(float x) {
    return _mm256_set1_ps(x);
}

inline F32 add(F32 a, F32 b) {
    return _mm256_add_ps(a, b);
}

inline F32 subtract(F32 a, F32 b) {
    return _mm256_sub_ps(a, b);
}

inline F32 multiply(F32 a, F32 b) {
    return _mm256_mul_ps(a, b);
}

inline F32 divide(F32 a, F32 b) {
    return _mm256_div_ps(a, b);
}

inline F32 squareRoot(F32 x) {
    return _mm256_sqrt_ps(x);
}

inline F32 multiplyAdd(F32 a, F32 b, F32 c) {
    return _mm256_fmadd_ps(a, b, c);
}

inline F32 subtractProduct(F32 c, F32 a, F32 b) {
    return _mm256_fnmadd_ps(a, b, c);
}

inline F32 smaller(F32 a, F32 b) {
    return _mm256_min_ps(a, b);
}

inline F32 larger(F32 a, F32 b) {
    return _mm256_max_ps(a, b);
}

inline F32 magnitude(F32 x) {
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x);
}

inline F32 round(F32 x) {
    return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* The exponent is raised, in the bits that hold it: x must not be so small or large that the sum does not fit there. */
inline F32 scaleByPower(F32 x, F32 n) {
    const __m256i raised = _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(x), raised));
}

inline F32 select(Mask mask, F32 x, F32 otherwise) {
    return _mm256_blendv_ps(otherwise, x, mask.floats());
}

inline F32 keepWhere(Mask mask, F32 x) {
    return _mm256_and_ps(mask.floats(), x);
}

inline Mask isAtLeast(F32 a, F32 b) {
    return {_mm256_castps_si256(_mm256_cmp_ps(a, b, _CMP_GE_OQ))};
}

inline Mask isGreater(F32 a, F32 b) {
    return {_mm256_castps_si256(_mm256_cmp_ps(a, b, _CMP_GT_OQ))};
}

inline Mask isEqual(F32 a, F32 b) {
    return {_mm256_castps_si256(_mm256_cmp_ps(a, b, _CMP_EQ_OQ))};
}

/* Those whose exponent has all bits set. */
inline Mask isNotFinite(F32 x) {
    const __m256i bits = _mm256_castps_si256(magnitude(x));
    return {_mm256_cmpgt_epi32(bits, _mm256_set1_epi32(0x7f7fffff))};
}

inline float largestOf(F32 x) {
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

/* Double precision. */

inline F64 zeroDoubles() {
    return _mm256_setzero_pd();
}

inline F64 add(F64 a, F64 b) {
    return _mm256_add_pd(a, b);
}

inline F64 multiplyAdd(F64 a, F64 b, F64 c) {
    return _mm256_fmadd_pd(a, b, c);
}

inline void store(double * to, F64 x) {
    _mm256_storeu_pd(to, x);
}

inline F64 lowDoubles(F32 x) {
    return _mm256_cvtps_pd(_mm256_castps256_ps128(x));
}

inline F64 highDoubles(F32 x) {
    return _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1));
}

/* Whole numbers. */

inline I32 load(const void * from) {
    return _mm256_loadu_si256(static_cast<const __m256i *>(from));
}

inline I32 broadcast(int32_t x) {
    return _mm256_set1_epi32(x);
}

inline I32 broadcastWord(const void * from) {
    int32_t word;
    memcpy(&word, from, sizeof(word));
    return broadcast(word);
}

inline I32 broadcastByte(char x) {
    return _mm256_set1_epi8(x);
}

inline I32 bitAnd(I32 a, I32 b) {
    return _mm256_and_si256(a, b);
}

inline I32 bitOr(I32 a, I32 b) {
    return _mm256_or_si256(a, b);
}

inline I32 bitXor(I32 a, I32 b) {
    return _mm256_xor_si256(a, b);
}

inline I32 add(I32 a, I32 b) {
    return _mm256_add_epi32(a, b);
}

inline I32 multiply(I32 a, I32 b) {
    return _mm256_mullo_epi32(a, b);
}

inline I32 laneNumbers() {
    return _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
}

inline I32 bitsAsIntegers(F32 x) {
    return _mm256_castps_si256(x);
}

inline F32 bitsAsFloats(I32 x) {
    return _mm256_castsi256_ps(x);
}

inline I32 shiftRight16(I32 x, int count) {
    return _mm256_srli_epi16(x, count);
}

inline I32 shiftRight32(I32 x, int count) {
    return _mm256_srli_epi32(x, count);
}

inline I32 shiftLeft16(I32 x, int count) {
    return _mm256_slli_epi16(x, count);
}

inline I32 shiftLeft32(I32 x, int count) {
    return _mm256_slli_epi32(x, count);
}

inline I32 shiftRightSigned32(I32 x, int count) {
    return _mm256_srai_epi32(x, count);
}

inline F32 toFloats(I32 x) {
    return _mm256_cvtepi32_ps(x);
}

inline I32 toIntegers(F32 x) {
    return _mm256_cvtps_epi32(x);
}

inline Mask isGreater(I32 a, I32 b) {
    return {_mm256_cmpgt_epi32(a, b)};
}

inline Mask isAtLeastUnsigned(I32 a, I32 b) {
    return {_mm256_cmpeq_epi32(_mm256_max_epu32(a, b), a)};
}

inline int32_t sumOf(I32 x) {
    const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    const __m128i two = _mm_add_epi32(four, _mm_unpackhi_epi64(four, four));
    return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 1)));
}

inline void storeBytes(int8_t * to, I32 x) {
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i *>(to), _mm_packs_epi16(words, words));
}

#ifdef __AVXVNNI__

#define GPT2_HAS_BYTE_PRODUCTS
constexpr bool TAKES_SIGNED_BYTES = false;

inline I32 addByteProducts(I32 sum, I32 unsignedBytes, I32 signedBytes) {
    return _mm256_dpbusd_avx_epi32(sum, unsignedBytes, signedBytes);
}

#else

/* For each two bytes the sum of the two products, of unsigned bytes times signed ones, in 16 bits; it has to fit there. */
inline I32 pairProducts(I32 unsignedBytes, I32 signedBytes) {
    return _mm256_maddubs_epi16(unsignedBytes, signedBytes);
}

inline I32 add16(I32 a, I32 b) {
    return _mm256_add_epi16(a, b);
}

inline I32 add32(I32 a, I32 b) {
    return _mm256_add_epi32(a, b);
}

/* The sums of lanes 0, 1, 4 and 5 and of the others, side by side in 16 bits each. */
inline int32_t sumsOfPairs(I32 x) {
    const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    const __m128i two = _mm_add_epi32(four, _mm_srli_epi64(four, 32));
    return _mm_cvtsi128_si32(_mm_shufflelo_epi16(_mm_packs_epi32(two, two), 0x08));
}

/* For each lane the sum of its two numbers of 16 bits. */
inline I32 sumPairs(I32 x) {
    return _mm256_madd_epi16(x, _mm256_set1_epi16(1));
}

/* For each lane the sum of the two products of its numbers of 16 bits. */
inline I32 pairProducts16(I32 a, I32 b) {
    return _mm256_madd_epi16(a, b);
}

/* The first and the third signed byte of each lane as numbers of 16 bits. */
inline I32 evenBytes(I32 x) {
    return _mm256_srai_epi16(_mm256_slli_epi16(x, 8), 8);
}

/* The second and the fourth. */
inline I32 oddBytes(I32 x) {
    return _mm256_srai_epi16(x, 8);
}

/* Whole numbers of 16 bits: of each four the first and the third, then the others. */
inline void storeEvenThenOdd(int16_t * to, I32 x) {
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    const __m128i ordered = _mm_shufflehi_epi16(_mm_shufflelo_epi16(words, 0xd8), 0xd8);
    _mm_storeu_si128(reinterpret_cast<__m128i *>(to), ordered);
}

#endif

inline void transposeFourWords(const char * from, const int64_t * offsets, uint32_t (*to)[LANES]) {
    const auto load = [&](int row) {
        return _mm_loadu_si128(reinterpret_cast<const __m128i *>(from + offsets[row]));
    };
    /* Half h of register j holds four words of row 4h + j. */
    __m256i rows[4];
    for (int j = 0; j < 4; j++) {
        rows[j] = _mm256_inserti128_si256(_mm256_castsi128_si256(load(j)), load(4 + j), 1);
    }
    const __m256i low01 = _mm256_unpacklo_epi32(rows[0], rows[1]);
    const __m256i low23 = _mm256_unpacklo_epi32(rows[2], rows[3]);
    const __m256i high01 = _mm256_unpackhi_epi32(rows[0], rows[1]);
    const __m256i high23 = _mm256_unpackhi_epi32(rows[2], rows[3]);
    const auto store = [&](uint32_t * words, __m256i x) {
        _mm256_storeu_si256(reinterpret_cast<__m256i *>(words), x);
    };
    store(to[0], _mm256_unpacklo_epi64(low01, low23));
    store(to[1], _mm256_unpackhi_epi64(low01, low23));
    store(to[2], _mm256_unpacklo_epi64(high01, high23));
    store(to[3], _mm256_unpackhi_epi64(high01, high23));
}

/* Of numbers whose halves are in place: half h of x[i] and of x[4 + i] holds numbers 0 to 3 and 4 to 7 of row 4h + i. */
inline void transposeHalves(F32 (&x)[LANES]) {
#pragma GCC unroll 2
    for (int i = 0; i < LANES; i += 4) {
        const __m256 a = _mm256_unpacklo_ps(x[i], x[i + 1]), b = _mm256_unpackhi_ps(x[i], x[i + 1]);
        const __m256 c = _mm256_unpacklo_ps(x[i + 2], x[i + 3]), d = _mm256_unpackhi_ps(x[i + 2], x[i + 3]);
        x[i] = _mm256_shuffle_ps(a, c, 0x44);
        x[i + 1] = _mm256_shuffle_ps(a, c, 0xee);
        x[i + 2] = _mm256_shuffle_ps(b, d, 0x44);
        x[i + 3] = _mm256_shuffle_ps(b, d, 0xee);
    }
}

inline void transpose(F32 (&x)[LANES]) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        const __m256 low = _mm256_permute2f128_ps(x[i], x[i + 4], 0x20);
        x[i + 4] = _mm256_permute2f128_ps(x[i], x[i + 4], 0x31);
        x[i] = low;
    }
    transposeHalves(x);
}

/* Halves are put in place as they are read, which costs no permutation. */
inline void loadTransposed(const float * const (&rows)[LANES], int64_t at, F32 (&x)[LANES]) {
    const auto halves = [](const float * low, const float * high) {
        return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high), 1);
    };
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        x[i] = halves(rows[i] + at, rows[4 + i] + at);
        x[4 + i] = halves(rows[i] + at + 4, rows[4 + i] + at + 4);
    }
    transposeHalves(x);
}
