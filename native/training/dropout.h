/*
 * Which numbers are dropped: a hash of the seed, the number of the stream (of what layer it is), and the place of the
 * number. src/tensor/training/dropout.ts has the same, bit by bit.
 */
#pragma once

#include "../vector.h"

#ifdef GPT2_HAS_KERNELS

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

    static I32 mix(I32 x) {
        x = multiply(bitXor(x, shiftRight32(x, 16)), broadcast(static_cast<int32_t>(0x85ebca6b)));
        x = multiply(bitXor(x, shiftRight32(x, 13)), broadcast(static_cast<int32_t>(0xc2b2ae35)));
        return bitXor(x, shiftRight32(x, 16));
    }

public:
    Dropout() : key(0), threshold(0), factor(1) {}

    Dropout(const int32_t * seed, uint32_t stream, float probability)
        : key(mix(mix(mix(seed[0]) + static_cast<uint32_t>(seed[1])) + stream)),
          threshold(static_cast<uint32_t>(static_cast<double>(probability) * 4294967296.0)),
          factor(1 / (1 - probability)) {}

    bool isOn() const { return threshold > 0; }

    /* What LANES numbers from place `index` on are multiplied with. */
    F32 factors(uint32_t index) const {
        const I32 keys = broadcast(static_cast<int32_t>(key));
        const I32 place = add(broadcast(static_cast<int32_t>(index)), laneNumbers());
        const I32 hash = mix(add(mix(bitXor(place, keys)), keys));
        return keepWhere(isAtLeastUnsigned(hash, broadcast(static_cast<int32_t>(threshold))), broadcast(factor));
    }
};

}  // namespace training

#endif
