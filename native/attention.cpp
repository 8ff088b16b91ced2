/*
 * Attention with masks: attend.h, behind ggml's own operation.
 *
 * LANES positions at once take masks which let each position see all keys up to a last one, as causal masks do.
 * Otherwise they are computed one after another.
 */
#include "attend.h"

#ifdef GPT2_HAS_KERNELS

namespace {

constexpr ggml_fp16_t MINUS_INFINITY = 0xfc00;

/* How many keys there are before those that the mask leaves out to the end. */
int64_t countAllowed(const ggml_fp16_t * mask, int64_t numKeys) {
    while (numKeys > 0 && mask[numKeys - 1] == MINUS_INFINITY) {
        numKeys--;
    }
    return numKeys;
}

/* Whether the first `count` keys are all let through as they are. */
bool isPlain(const ggml_fp16_t * mask, int64_t count) {
    ggml_fp16_t found = 0;
    for (int64_t k = 0; k < count; k++) {
        found |= mask[k];
    }
    return found == 0;
}

/* One head of one text. */
struct Head {
    Rows         rows;
    const char * queries;
    size_t       queryStride;
    const char * mask;
    size_t       maskStride;
    char *       out;
    size_t       outStride;
    int64_t      numKeys;

    Head(const ggml_tensor * y, int64_t head, int64_t text) {
        const ggml_tensor * query = y->src[0], * key = y->src[1], * value = y->src[2], * masks = y->src[3];
        rows.keys = static_cast<const char *>(key->data) + head * key->nb[2] + text * key->nb[3];
        rows.keyStride = key->nb[1];
        rows.values = static_cast<const char *>(value->data) + head * value->nb[2] + text * value->nb[3];
        rows.valueStride = value->nb[1];
        queries = static_cast<const char *>(query->data) + head * query->nb[2] + text * query->nb[3];
        queryStride = query->nb[1];
        mask = static_cast<const char *>(masks->data) + text % masks->ne[3] * masks->nb[3];
        maskStride = masks->nb[1];
        out = static_cast<char *>(y->data) + head * y->nb[1] + text * y->nb[3];
        outStride = y->nb[2];
        numKeys = key->ne[1];
    }

    const ggml_fp16_t * maskRow(int64_t i) const {
        return reinterpret_cast<const ggml_fp16_t *>(mask + i * maskStride);
    }

    Position position(int64_t i) const {
        return {
            reinterpret_cast<const float *>(queries + i * queryStride),
            countAllowed(maskRow(i), numKeys),
            reinterpret_cast<float *>(out + i * outStride),
        };
    }
};

template <class Number, int VECTORS> void compute(const ggml_compute_params * params, ggml_tensor * y) {
    char * work = alignedWork(params) + params->ith * Tile<VECTORS>::bytes(y->src[1]->ne[1]);
    const ggml_tensor * query = y->src[0];
    const float scale = ggml_get_op_params_f32(y, 0);
    const int64_t numHeads = query->ne[2];
    const int64_t numQueries = query->ne[1];
    const int64_t perTurn = numQueries <= MAX_FEW ? numQueries : LANES;
    const int64_t turnsPerHead = (numQueries + perTurn - 1) / perTurn;
    startTurns(params);
    takeTurns(params, numHeads * query->ne[3] * turnsPerHead, 1, [&](int64_t turn, int64_t) {
        const int64_t item = turn / turnsPerHead;
        const Head head(y, item % numHeads, item / numHeads);
        const int64_t begin = turn % turnsPerHead * perTurn;
        const int64_t count = std::min(perTurn, numQueries - begin);
        Position positions[LANES];
        bool fitsTile = count > MAX_FEW;
        for (int64_t i = 0; i < count; i++) {
            positions[i] = head.position(begin + i);
            fitsTile = fitsTile && positions[i].count > 0 && isPlain(head.maskRow(begin + i), positions[i].count);
        }
        if (fitsTile) {
            attendTile<Number>(head.rows, positions, count, scale, *reinterpret_cast<Tile<VECTORS> *>(work));
            return;
        }
        for (int64_t i = 0; i < count; i++) {
            auto * scores = reinterpret_cast<float *>(work);
            attendOne<Number, VECTORS>(head.rows, positions[i], scale, head.maskRow(begin + i), scores);
        }
    });
}

/* What each thread needs: the scores of one position, or a tile. */
template <int VECTORS> size_t workSize(const ggml_tensor * y, int numThreads) {
    return CACHE_LINE + numThreads * Tile<VECTORS>::bytes(y->src[1]->ne[1]);
}

template <class Number>
constexpr Kernel KERNELS[4] = {
    {compute<Number, VECTORS_OF_16>, workSize<VECTORS_OF_16>},
    {compute<Number, 2 * VECTORS_OF_16>, workSize<2 * VECTORS_OF_16>},
    {compute<Number, 4 * VECTORS_OF_16>, workSize<4 * VECTORS_OF_16>},
    {compute<Number, 8 * VECTORS_OF_16>, workSize<8 * VECTORS_OF_16>},
};

}  // namespace

const Kernel * attentionKernel(const ggml_tensor * y) {
    const ggml_tensor * query = y->src[0];
    const ggml_tensor * key = y->src[1];
    const ggml_tensor * value = y->src[2];
    const ggml_tensor * mask = y->src[3];
    const bool fits = mask != nullptr && mask->ne[2] == 1 && y->src[4] == nullptr &&
                      query->ne[2] == key->ne[2] && query->ne[3] == key->ne[3] && query->ne[3] == value->ne[3] &&
                      query->ne[2] == value->ne[2] && value->ne[0] == key->ne[0] && value->type == key->type &&
                      query->type == GGML_TYPE_F32 && query->nb[0] == sizeof(float) &&
                      key->nb[0] == ggml_type_size(key->type) && value->nb[0] == ggml_type_size(value->type) &&
                      ggml_get_op_params_f32(y, 1) == 0 && ggml_get_op_params_f32(y, 2) == 0;
    if (!fits) {
        return nullptr;
    }
    return key->type == GGML_TYPE_F16 ? kernelOfWidth(KERNELS<ggml_fp16_t>, key->ne[0])
         : key->type == GGML_TYPE_F32 ? kernelOfWidth(KERNELS<float>, key->ne[0])
                                      : nullptr;
}

#endif
