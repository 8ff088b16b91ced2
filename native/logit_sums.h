/*
 * What the logits of a row add up to, in the one order that all kernels have which need it: LANES sums of those whose
 * places agree modulo LANES, of which the four of a chunk are added in single precision first, then these one after
 * another in double precision.
 */
#pragma once

#include "vector_exp.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

constexpr int64_t CHUNK = 4 * LANES;

/* LANES logits; those behind the last are -Infinity. */
inline F32 loadLogits(const float * logits, Mask mask) {
    return loadWhere(mask, logits, broadcast(-INFINITY));
}

/* Which of them are no finite numbers. */
inline Mask notFinite(F32 x, Mask mask) {
    return isNotFinite(x) & mask;
}

/* The largest of all, and whether all are finite. */
inline float largestLogit(const float * logits, int64_t size, bool & isFinite) {
    F32 max = broadcast(-INFINITY);
    Mask odd = {};
    for (int64_t i = 0; i < size; i += LANES) {
        const Mask mask = firstLanes(size - i);
        const F32 x = loadLogits(logits + i, mask);
        odd |= notFinite(x, mask);
        max = larger(max, x);
    }
    isFinite = bitsOf(odd) == 0;
    return largestOf(max);
}

/* LANES sums in double precision. */
struct Sums {
    F64 low = zeroDoubles();
    F64 high = zeroDoubles();

    void add(F32 x) {
        low = ::add(low, lowDoubles(x));
        high = ::add(high, highDoubles(x));
    }

    double total() const {
        double parts[LANES];
        store(parts, low);
        store(parts + LANES / 2, high);
        double sum = 0;
        for (const double part : parts) {
            sum += part;
        }
        return sum;
    }
};

/* What e^(logit - max) of all logits of a row adds up to. */
struct LogitSums {
    double powers;
    double weighted;  // each times logit - max

    double logOfSum() const { return std::log(powers); }

    /* Of the probabilities, in nats. */
    double entropy() const { return logOfSum() - weighted / powers; }
};

/* The vectors of one turn, and their sums. */
template <bool IS_WEIGHTED>
class LogitAdder {
    F32 max;
    Sums powers;
    Sums weighted;

    struct Pair {
        F32 power;
        F32 weighted;

        Pair operator+(const Pair & other) const {
            return {::add(power, other.power), IS_WEIGHTED ? ::add(weighted, other.weighted) : weighted};
        }
    };

    Pair pairOf(F32 x) const {
        const F32 distance = subtract(x, max);
        const F32 power = exponential(distance);
        if constexpr (!IS_WEIGHTED) {
            return {power, power};
        }
        /* What is behind the last logit is 0, and not 0 times -Infinity. */
        const Mask counts = isGreater(power, zeros());
        return {power, keepWhere(counts, multiply(power, distance))};
    }

    void add(const Pair & pair) {
        powers.add(pair.power);
        if constexpr (IS_WEIGHTED) {
            weighted.add(pair.weighted);
        }
    }

public:
    explicit LogitAdder(float max) : max(broadcast(max)) {}

    LogitSums sumsOf(const float * logits, int64_t size) {
        int64_t i = 0;
        for (; i + CHUNK <= size; i += CHUNK) {
            const auto at = [&](int j) { return pairOf(load(logits + i + j * LANES)); };
            add((at(0) + at(1)) + (at(2) + at(3)));
        }
        for (; i < size; i += LANES) {
            add(pairOf(loadLogits(logits + i, firstLanes(size - i))));
        }
        return {powers.total(), weighted.total()};
    }
};
