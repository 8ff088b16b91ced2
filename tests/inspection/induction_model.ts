/** A model that was not trained: weights written by hand, so that its second block has an exact induction head. */
import { GPT2Config } from "../../src/model/config.ts";
import { Model } from "../../src/model/model.ts";
import { Weights } from "../../src/model/weights.ts";
import { Backend } from "../../src/tensor/backend.ts";

const NUM_TOKENS = 16;
const NUM_POSITIONS = 32;
const HEAD_DIM = 32;
const EMBED = 2 * HEAD_DIM;

/** The parts of the residual stream, in each of which one element is 1: the token, the position, the token before. */
const [TOKEN, POSITION, TOKEN_BEFORE] = [0, NUM_TOKENS, NUM_TOKENS + NUM_POSITIONS];

/** Where query, key and value of a head begin among the rows of the projection. */
const row = (part: 0 | 1 | 2, head: number) => part * EMBED + head * HEAD_DIM;
const [QUERY, KEY, VALUE] = [0, 1, 2] as const;

/** Softmax of this makes one weight 1 and the others 0, as far as F32 can tell. */
const SURE = 100 * Math.sqrt(HEAD_DIM);
/** Where the head that predicts is: in block 1. */
export const INDUCTION_HEAD = 1;

const config = new GPT2Config({
  vocabSize: NUM_TOKENS,
  contextLength: NUM_POSITIONS,
  embeddingDim: EMBED,
  numHeads: 2,
  numLayers: 2,
});

/**
 * Block 0, head 0: the query of a position is its number, the key the number of the next one; so each looks at the one
 * before it, and writes the token there into a part of the stream of its own. Block 1, head 1: the query is the token, the
 * key the token before; so each looks at what followed its own token earlier, and predicts that. All else is 0.
 */
export function inductionModel(): Model {
  const backend = Backend.cpu({ threads: 1 });
  const weights = new Weights(backend, config, () => "f32");
  const values = new Map(
    weights.specs.map((
      { name, shape },
    ) => [name, new Float32Array(shape.reduce((a, b) => a * b, 1))]),
  );
  const set = (name: string, row: number, column: number, value: number) =>
    values.get(name)![row * EMBED + column] = value;

  for (let i = 0; i < NUM_TOKENS; i++) set("tokenEmbedding", i, TOKEN + i, 1);
  for (let i = 0; i < NUM_POSITIONS; i++) set("positionEmbedding", i, POSITION + i, 1);
  // A stream of so many ones has this mean and variance: the norm is made to change nothing.
  normalizeToItself("blocks.0.attentionNorm", 2);
  normalizeToItself("blocks.1.attentionNorm", 3);
  values.get("finalNorm.weight")!.fill(1);

  const [first, second] = ["blocks.0.qkvProjection", "blocks.1.qkvProjection"];
  for (let i = 0; i < NUM_POSITIONS; i++) {
    set(`${first}.weight`, row(QUERY, 0) + i, POSITION + i, SURE);
    if (i > 0) set(`${first}.weight`, row(KEY, 0) + i, POSITION + i - 1, 1);
  }
  for (let i = 0; i < NUM_TOKENS; i++) {
    set(`${first}.weight`, row(VALUE, 0) + i, TOKEN + i, 1);
    set("blocks.0.outputProjection.weight", TOKEN_BEFORE + i, i, 1);
    set(`${second}.weight`, row(QUERY, INDUCTION_HEAD) + i, TOKEN + i, SURE);
    set(`${second}.weight`, row(KEY, INDUCTION_HEAD) + i, TOKEN_BEFORE + i, 1);
    set(`${second}.weight`, row(VALUE, INDUCTION_HEAD) + i, TOKEN + i, 1);
    set("blocks.1.outputProjection.weight", TOKEN + i, INDUCTION_HEAD * HEAD_DIM + i, 4);
  }
  // The first position has no token before, but looks at itself: nothing shall find it.
  values.get(`${second}.bias`)![row(QUERY, INDUCTION_HEAD) + NUM_TOKENS] = SURE;
  set(`${second}.weight`, row(KEY, INDUCTION_HEAD) + NUM_TOKENS, POSITION, -2);

  for (const [name, data] of values) weights.write(name, new Uint8Array(data.buffer));
  return new Model(config, weights, backend);

  function normalizeToItself(name: string, numOnes: number): void {
    const mean = numOnes / EMBED;
    const deviation = Math.sqrt(mean - mean ** 2 + config.layerNormEpsilon);
    values.get(`${name}.weight`)!.fill(deviation);
    values.get(`${name}.bias`)!.fill(mean);
  }
}
