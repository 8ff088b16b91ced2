/*
 * Products of bytes of a packed matrix with bytes of a column, added up without loss, four to a lane.
 *
 * One instruction of VNNI, VPDPBUSD, multiplies four unsigned bytes in each lane with four signed ones and adds the
 * products to the lane. AVX2 has VPMADDUBSW, which adds up only two products, in 16 bits, and saturates: so what is
 * multiplied must be so small that nothing is lost, and the sums of two are added up in the lanes later on.
 */
#pragma once

#include "packed_formats.h"

namespace {

#ifdef GPT2_HAS_BYTE_PRODUCTS

/* Bytes of the matrix have to be unsigned: 128 is added to those that are not. What an offset adds to a sum is known
 * beforehand, since sum((q + offset) x) - sum(q x) = offset sum(x): sums start from -offset sum(x) instead of 0. */
template <class Format> struct ByteProducts {
    using Left = I32;
    using Sum = I32;

    static constexpr int OFFSET = Format::IS_SIGNED ? 128 : Format::OFFSET;
    static constexpr int WORDS = 1;  // that are added up before anything else is done with them

    static Left left(I32 bytes) { return Format::IS_SIGNED ? bitXor(bytes, broadcastByte(-128)) : bytes; }

    static Sum begin(int32_t start) { return broadcast(start); }
    static void add(Sum & sum, Left left, I32 x, int) { sum = addByteProducts(sum, left, x); }
    static I32 end(Sum sum, int32_t) { return sum; }
};

#else

constexpr int LARGEST_X = 127;  // of the magnitudes of x's bytes

/* With sums of two products of at most 2 * 127 * LARGEST, so many words can be added up in 16 bits: 8 of 4 bits each, which
 * is a whole run; 2 of 6 bits; and 1 of 8 bits, if the magnitudes of the matrix's bytes are multiplied with bytes of x that
 * got their signs. */
template <class Format> struct ByteProducts {
    struct Left {
        I32 bytes;
        I32 magnitudes;  // the same, if they have no signs
    };
    struct Sum {
        I32 lanes;
        I32 pairs;  // of the words that are being added up
    };

    static constexpr int OFFSET = Format::OFFSET;
    static constexpr int LARGEST_PAIR = 2 * LARGEST_X * Format::LARGEST;
    static constexpr int WORDS = 4 * LARGEST_PAIR <= 0x7fff ? 8 : 2 * LARGEST_PAIR <= 0x7fff ? 2 : 1;
    static_assert(WORDS * LARGEST_PAIR <= 0x7fff);

    static Left left(I32 bytes) { return {bytes, Format::IS_SIGNED ? byteMagnitudes(bytes) : bytes}; }

    static Sum begin(int32_t) { return {broadcast(0), broadcast(0)}; }

    /* The i-th of WORDS words. */
    static void add(Sum & sum, const Left & left, I32 x, int i) {
        const I32 pairs = pairProducts(left.magnitudes, Format::IS_SIGNED ? withSigns(x, left.bytes) : x);
        sum.pairs = i == 0 ? pairs : add16(sum.pairs, pairs);
        if (i == WORDS - 1) {
            sum.lanes = add32(sum.lanes, sumPairs(sum.pairs));
        }
    }

    static I32 end(const Sum & sum, int32_t start) {
        return OFFSET == 0 ? sum.lanes : add32(sum.lanes, broadcast(start));
    }
};

#endif

}  // namespace
