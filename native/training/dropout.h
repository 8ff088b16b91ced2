/*
 * Which numbers are dropped: a hash of the seed, the number of the stream (of what layer it is), and the place of the
 * number. src/tensor/training/dropout.ts has the same, bit by bit.
 */
#pragma once

#include "panels.h"

namespace training {

class Dropout {
    uint32_t key;
    uint32_t threshold;  // hashes below are dropped
    float    factor;     // of those that are kept

    /* The finalizer of MurmurHash3. */
    static uint32_t mix(uint32_t x) {
        x = (x ^ (x >> 16)) * 0x85ebca6bu;
        x = (x ^ (x >> 13)) * 0xc2b2ae35u;
        return x ^ (x >> 16);
    }

    static __m512i mix(__m512i x) {
        x = _mm512_mullo_epi32(_mm512_xor_si512(x, _mm512_srli_epi32(x, 16)), _mm512_set1_epi32(0x85ebca6b));
        x = _mm512_mullo_epi32(_mm512_xor_si512(x, _mm512_srli_epi32(x, 13)), _mm512_set1_epi32(0xc2b2ae35));
        return _mm512_xor_si512(x, _mm512_srli_epi32(x, 16));
    }

public:
    Dropout() : key(0), threshold(0), factor(1) {}

    Dropout(const int32_t * seed, uint32_t stream, float probability)
        : key(mix(mix(mix(seed[0]) + static_cast<uint32_t>(seed[1])) + stream)),
          threshold(static_cast<uint32_t>(static_cast<double>(probability) * 4294967296.0)),
          factor(1 / (1 - probability)) {}

    bool isOn() const { return threshold > 0; }

    /* What 16 numbers from place `index` on are multiplied with. */
    __m512 factors(uint32_t index) const {
        const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        const __m512i place = _mm512_add_epi32(_mm512_set1_epi32(index), lanes);
        const __m512i once = mix(_mm512_xor_si512(place, _mm512_set1_epi32(key)));
        const __m512i hash = mix(_mm512_add_epi32(once, _mm512_set1_epi32(key)));
        const __mmask16 kept = _mm512_cmpge_epu32_mask(hash, _mm512_set1_epi32(threshold));
        return _mm512_maskz_mov_ps(kept, _mm512_set1_ps(factor));
    }
};

}  // namespace training
