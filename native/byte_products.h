/*
 * Products of the integers of a packed matrix with bytes of a column, added up without loss, four to a lane.
 *
 * One instruction of VNNI, VPDPBUSD, multiplies four unsigned bytes in each lane with four signed ones and adds the
 * products to the lane. AVX2 has two that are nearly as good:
 *
 * - VPMADDUBSW adds up only two products of bytes, in 16 bits, and saturates: for integers of at most 6 bits. All that have
 *   one scale are added up in 16 bits.
 * - VPMADDWD multiplies numbers of 16 bits, half as many at a time, and adds up two products in 32 bits: for integers of 8
 *   bits. (To make these fit for VPMADDUBSW, by giving the sign of one factor to the other, takes as many instructions,
 *   but 3 of 4 instead of 2 of 4 are such as Zen 4 can begin only two of at a time: it is 9 % slower with 8 columns.)
 */
#pragma once

#include "packed_formats.h"

#include <algorithm>
#include <type_traits>

namespace {

#ifdef GPT2_HAS_BYTE_PRODUCTS

/* Where bytes of the matrix have to be unsigned, 128 is added to those that are not. What an offset adds to a sum is known
 * beforehand, since sum((q + offset) x) - sum(q x) = offset sum(x): sums start from -offset sum(x) instead of 0. */
template <class Format> struct ByteProducts {
    using Number = int8_t;  // of a column
    using Left = I32;       // a word of each row
    using Sum = I32;

    static constexpr bool IS_RAISED = Format::IS_SIGNED && !TAKES_SIGNED_BYTES;
    static constexpr int OFFSET = IS_RAISED ? 128 : Format::OFFSET;
    static constexpr int WORDS = 1;             // that are taken at a time
    static constexpr bool IS_UNROLLED = false;  // early, is any loop over words or runs

    static void storeNumbers(Number * to, I32 integers) { storeBytes(to, integers); }
    /* From what sums start; `sums` has to be added up over the lanes. */
    static int32_t start(I32 sums) { return -OFFSET * sumOf(sums); }
    static Left left(I32 word) { return IS_RAISED ? bitXor(word, broadcastByte(-128)) : word; }

    static Sum begin(int32_t start) { return broadcast(start); }
    static void add(Sum & sum, const Left (&left)[WORDS], const Number * x) {
        sum = addByteProducts(sum, left[0], broadcastWord(x));
    }
    static I32 end(Sum sum) { return sum; }
};

#else

/* For unsigned integers of at most 6 bits. A sum may be larger than 16 bits can tell before all is added up; in the end it
 * is not, since it is that of integers without their offset, and then these bits are right. */
template <class Format> struct ProductsOf8Bits {
    using Number = int8_t;
    using Left = I32;
    using Sum = I32;  // two to a lane, of 16 bits

    static constexpr int OFFSET = Format::OFFSET;
    static constexpr int WORDS = 2;
    static constexpr bool IS_UNROLLED = true;
    static constexpr int LARGEST_SUM = RUN / Format::SCALES / 2 * 127 * std::max(OFFSET, Format::LARGEST - OFFSET);
    static_assert(2 * 127 * Format::LARGEST <= 0x7fff && LARGEST_SUM <= 0x7fff);

    static void storeNumbers(Number * to, I32 integers) { storeBytes(to, integers); }
    static int32_t start(I32 sums) { return OFFSET == 0 ? 0 : sumsOfPairs(multiply(sums, broadcast(-OFFSET))); }
    static Left left(I32 word) { return word; }

    static Sum begin(int32_t start) { return broadcast(OFFSET == 0 ? 0 : start); }
    static void add(Sum & sum, const Left (&left)[WORDS], const Number * x) {
#pragma GCC unroll 2
        for (int i = 0; i < WORDS; i++) {
            sum = add16(sum, pairProducts(left[i], broadcastWord(x + 4 * i)));
        }
        /* Otherwise GCC loads first what all words need, and then has no registers for the sums of all columns. */
        sum = held(sum);
    }
    static I32 end(Sum sum) { return sumPairs(sum); }
};

/* For signed integers. Of four numbers of a column those at odd places come last. */
template <class Format> struct ProductsOf16Bits {
    using Number = int16_t;
    struct Left {
        I32 even;
        I32 odd;
    };
    using Sum = I32;

    static constexpr int OFFSET = Format::OFFSET;
    static constexpr int WORDS = 1;
    static constexpr bool IS_UNROLLED = true;
    static_assert(OFFSET == 0);

    static void storeNumbers(Number * to, I32 integers) { storeEvenThenOdd(to, integers); }
    static int32_t start(I32) { return 0; }
    static Left left(I32 word) { return {evenBytes(word), oddBytes(word)}; }

    static Sum begin(int32_t) { return broadcast(0); }
    static void add(Sum & sum, const Left (&left)[WORDS], const Number * x) {
        sum = add32(sum, pairProducts16(left[0].even, broadcastWord(x)));
        sum = add32(sum, pairProducts16(left[0].odd, broadcastWord(x + 2)));
        sum = held(sum);
    }
    static I32 end(Sum sum) { return sum; }
};

template <class Format>
using ByteProducts = std::conditional_t<Format::IS_SIGNED, ProductsOf16Bits<Format>, ProductsOf8Bits<Format>>;

#endif

}  // namespace
