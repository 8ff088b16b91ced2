/*
 * How a matrix lies in packed memory, for each of ggml's formats that can.
 *
 * ggml stores a quantized matrix row by row, each row as blocks of a few scales in half precision and
 * some 32-bit words of small integers. Packed memory holds the same bytes in another order: that of a
 * computation on as many rows at once as a vector has lanes. With 16 lanes: first comes all of rows 0 to
 * 15, from left to right, then all of rows 16 to 31, and so on. Of 16 rows, a tile, each 64 columns (or
 * each block, if that is longer) are one `Slice`:
 *
 *      halves   row 0 | row 1 | ... | row 15       the scale of the block
 *               ...                                that of the next block
 *      words    row 0 | row 1 | ... | row 15       the first word of the block: a register
 *               row 0 | row 1 | ... | row 15       the second word
 *               ...
 *
 * A format says which bytes of a slice are the integers of 32 columns, and by what they are scaled:
 *
 *      number = scale * (integer - OFFSET) - minimum
 *
 * The columns of a slice are counted in runs of 32, as x is that it is multiplied with.
 */
#pragma once

#include <cstring>

#include "repack.h"
#include "vector.h"

constexpr int RUN = 32;  // columns

template <class Format> struct Slice {
    ggml_half halves[Format::BLOCKS * Format::HALVES][LANES];
    uint32_t  words[Format::BLOCKS * Format::WORDS][LANES];

    static constexpr int RUNS = Format::BLOCKS * Format::BLOCK_RUNS;

    I32 word(int i) const { return load(static_cast<const void *>(words[i])); }

    F32 half(int i) const { return loadHalves(halves[i]); }
};

/* The `mask` bits of all bytes, `shift` bits further right. */
inline I32 bits(I32 bytes, int shift, char mask) {
    return bitAnd(shiftRight16(bytes, shift), broadcastByte(mask));
}

/* A whole number, unsigned, from `mask` bits of each 32-bit word. */
inline I32 field(I32 words, int shift, int mask) {
    return bitAnd(shiftRight32(words, shift), broadcast(mask));
}

/* A scale and 32 bytes, signed. */
struct PackedQ8_0 {
    using Block = block_q8_0;
    static constexpr int BLOCKS = 2;           // in a slice
    static constexpr int BLOCK_RUNS = 1;       // in a block
    static constexpr int HALVES = 1;           // in a block
    static constexpr int WORDS = 8;            // in a block
    static constexpr int HALVES_BEGIN = 0;     // where they are in ggml's block
    static constexpr int WORDS_BEGIN = 2;      // where they are in ggml's block
    static constexpr int SCALES = 1;           // for a run
    static constexpr int OFFSET = 0;
    static constexpr int LARGEST = 128;        // of the magnitudes of integers
    static constexpr bool IS_SIGNED = true;    // are integers
    static constexpr bool HAS_MINIMUM = false;

    /* The integers of columns 4i to 4i+3 of a run: for each row four bytes. */
    static I32 integers(const Slice<PackedQ8_0> & slice, int run, int i) { return slice.word(run * WORDS + i); }

    /* The scale of part `part` of a run. */
    static F32 scale(const Slice<PackedQ8_0> & slice, int run, int) { return slice.half(run); }
};

/* A scale and 32 times 4 bits: the left 16 columns in the low halves of bytes, the others in the high. */
struct PackedQ4_0 {
    using Block = block_q4_0;
    static constexpr int BLOCKS = 2, BLOCK_RUNS = 1, HALVES = 1, WORDS = 4;
    static constexpr int HALVES_BEGIN = 0, WORDS_BEGIN = 2;
    static constexpr int SCALES = 1, OFFSET = 8, LARGEST = 15;
    static constexpr bool IS_SIGNED = false, HAS_MINIMUM = false;

    static I32 integers(const Slice<PackedQ4_0> & slice, int run, int i) {
        return bits(slice.word(run * WORDS + i % WORDS), i < WORDS ? 0 : 4, 0x0f);
    }

    static F32 scale(const Slice<PackedQ4_0> & slice, int run, int) { return slice.half(run); }
};

/* 8 runs. Two scales: of the scales and of the minimums, which have 6 bits each and are in words 0 to 2.
 * Words 3 to 34 hold 4 bits for each column: of two neighbouring runs, one in the low halves. */
struct PackedQ4_K {
    using Block = block_q4_K;
    static constexpr int BLOCKS = 1, BLOCK_RUNS = 8, HALVES = 2, WORDS = 35;
    static constexpr int HALVES_BEGIN = 0, WORDS_BEGIN = 4;
    static constexpr int SCALES = 1, OFFSET = 0, LARGEST = 15;
    static constexpr bool IS_SIGNED = false, HAS_MINIMUM = true;

    static I32 integers(const Slice<PackedQ4_K> & slice, int run, int i) {
        return bits(slice.word(3 + run / 2 * 8 + i), run % 2 * 4, 0x0f);
    }

    static F32 scale(const Slice<PackedQ4_K> & slice, int run, int) {
        return multiply(slice.half(0), sixBits(slice, run, 0, 0));
    }

    static F32 minimum(const Slice<PackedQ4_K> & slice, int run) {
        return multiply(slice.half(1), sixBits(slice, run, 1, 4));
    }

    /* Runs 0 to 3 have theirs in the low bits of a byte of word `word`; the top bits of these bytes belong
     * to runs 4 to 7, and go with 4 bits of a byte of word 2. */
    static F32 sixBits(const Slice<PackedQ4_K> & slice, int run, int word, int shift) {
        const int byte = run % 4 * 8;
        if (run < 4) {
            return toFloats(field(slice.word(word), byte, 0x3f));
        }
        const I32 low = field(slice.word(2), byte + shift, 0x0f);
        const I32 high = field(slice.word(word), byte + 6, 0x03);
        return toFloats(bitOr(low, shiftLeft32(high, 4)));
    }
};

/* 8 runs, with a scale for each half of a run: a signed byte in words 48 to 51, times the one half. The
 * lower 4 bits of a number are in words 0 to 31, the upper 2 bits in words 32 to 47. */
struct PackedQ6_K {
    using Block = block_q6_K;
    static constexpr int BLOCKS = 1, BLOCK_RUNS = 8, HALVES = 1, WORDS = 52;
    static constexpr int HALVES_BEGIN = 208, WORDS_BEGIN = 0;
    static constexpr int SCALES = 2, OFFSET = 32, LARGEST = 63;
    static constexpr bool IS_SIGNED = false, HAS_MINIMUM = false;

    static I32 integers(const Slice<PackedQ6_K> & slice, int run, int i) {
        const int side = run / 4;
        const I32 low = bits(slice.word(side * 16 + run % 2 * 8 + i), run % 4 / 2 * 4, 0x0f);
        const I32 highs = slice.word(32 + side * 8 + i);
        const int place = run % 4 * 2;
        if (__builtin_constant_p(place)) {
            /* One move, and none from bits 4 and 5. */
            const I32 moved = place < 4 ? shiftLeft16(highs, 4 - place) : place > 4 ? shiftRight16(highs, place - 4) : highs;
            return bitOr(low, bitAnd(moved, broadcastByte(0x30)));
        }
        return bitOr(low, shiftLeft16(bits(highs, place, 0x03), 4));
    }

    static F32 scale(const Slice<PackedQ6_K> & slice, int run, int part) {
        const int index = run * SCALES + part;
        const I32 bytes = shiftLeft32(slice.word(48 + index / 4), 24 - index % 4 * 8);
        return multiply(slice.half(0), toFloats(shiftRightSigned32(bytes, 24)));
    }
};

/* Packs LANES rows, which begin at `rows` + offsets[lane] and have numBlocks blocks each. */
template <class Format>
void packTile(const char * rows, const int64_t * offsets, int64_t numBlocks, Slice<Format> * slice) {
    static_assert(sizeof(*slice) == Format::BLOCKS * LANES * sizeof(typename Format::Block));
    for (int64_t i = 0; i < numBlocks; i++, rows += sizeof(typename Format::Block)) {
        const int block = i % Format::BLOCKS;
        for (int h = 0; h < Format::HALVES; h++) {
            for (int lane = 0; lane < LANES; lane++) {
                const char * from = rows + offsets[lane] + Format::HALVES_BEGIN + 2 * h;
                memcpy(&slice->halves[block * Format::HALVES + h][lane], from, 2);
            }
        }
        auto * words = slice->words + block * Format::WORDS;
        int w = 0;
        for (; w + 4 <= Format::WORDS; w += 4) {
            transposeFourWords(rows + Format::WORDS_BEGIN + 4 * w, offsets, words + w);
        }
        for (; w < Format::WORDS; w++) {
            for (int lane = 0; lane < LANES; lane++) {
                memcpy(&words[w][lane], rows + offsets[lane] + Format::WORDS_BEGIN + 4 * w, 4);
            }
        }
        slice += block == Format::BLOCKS - 1;
    }
}
