/**
 * GPT-2's forward pass, from tokens to logits.
 *
 * Every axis is named in the pattern of the operation that touches it:
 *
 * | name       | meaning                                                    |
 * | ---------- | ---------------------------------------------------------- |
 * | `batch`    | texts computed side by side                                |
 * | `seq`      | positions in a text; `seq_q` that look, `seq_k` looked at  |
 * | `embed`    | width of the residual stream                               |
 * | `heads`    | attention heads, each `head_dim` wide                      |
 * | `hidden`   | width inside the MLP                                       |
 * | `vocab`    | tokens that there are                                      |
 *
 * Radford et al., 2019, "Language Models are Unsupervised Multitask Learners", section 2.3; Vaswani et al., 2017,
 * "Attention Is All You Need" (arXiv:1706.03762), section 3.
 *
 * @module
 */
import { einsum, rearrange, unstack } from "../einops/einops.ts";
import { activate } from "../tensor/activations.ts";
import { add, scale } from "../tensor/elementwise.ts";
import { layerNorm, softmax } from "../tensor/normalization.ts";
import { lookup } from "../tensor/tables.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { GPT2Config } from "./config.ts";
import type { Block, GPT2Parameters, LayerNorm, Linear } from "./parameters.ts";
import type { Pass } from "./pass.ts";

/**
 * Builds the model in the graph of `pass`.
 *
 * @returns logits (batch seq vocab) at the positions that the pass selects; columns of padding may follow those of the
 * vocabulary, see {@linkcode GPT2Parameters}
 */
export function gpt2(pass: Pass, parameters: GPT2Parameters, config: GPT2Config): Tensor {
  const { tokenEmbedding, positionEmbedding, blocks, finalNorm, vocabularyProjection } = parameters;

  let x = add(lookup(tokenEmbedding, pass.tokens), lookup(positionEmbedding, pass.positions));
  x = pass.observe("embedding", x);

  for (const block of blocks) {
    x = transformerBlock(x, block, pass, config);
  }

  x = normalize(x, finalNorm, config);
  x = pass.observe("finalNorm", x);
  const logits = einsum(x, vocabularyProjection, "batch seq embed, vocab embed -> batch seq vocab");
  return pass.observe("logits", logits);
}

/** Attention, then the MLP: each reads a normalized copy of the residual stream and adds to the stream (pre-norm). */
function transformerBlock(x: Tensor, block: Block, pass: Pass, config: GPT2Config): Tensor {
  const name = `blocks.${block.layer}`;

  const forAttention = normalize(x, block.attentionNorm, config);
  x = add(x, attention(pass.observe(`${name}.attentionNorm`, forAttention), block, pass, config));
  x = pass.observe(`${name}.residualMiddle`, x);

  // After the last attention no position reads from another: those whose logits nobody asked for can go.
  if (block.layer === config.numLayers - 1) x = pass.select(x);

  const forMlp = normalize(x, block.mlpNorm, config);
  x = add(x, mlp(pass.observe(`${name}.mlpNorm`, forMlp), block, pass, config));
  return pass.observe(`${name}.residual`, x);
}

/** Causal self-attention: every head of every position gathers what it looks for from the positions up to its own. */
function attention(x: Tensor, block: Block, pass: Pass, config: GPT2Config): Tensor {
  const name = `blocks.${block.layer}.attention`;

  const [q, k, v] = unstack(
    linear(x, block.qkvProjection),
    "batch seq (three heads head_dim) -> three batch heads seq head_dim",
    { three: 3, heads: config.numHeads },
  );
  const query = pass.observe(`${name}.query`, q);
  const [key, value] = pass.remember(
    block.layer,
    pass.observe(`${name}.key`, k),
    pass.observe(`${name}.value`, v),
  );

  const factor = config.attentionScale(block.layer);
  const heads = attend(query, key, value, factor, pass, block.layer);
  const attended = pass.observe(`${name}.attended`, heads);
  const output = linear(
    rearrange(attended, "batch heads seq head_dim -> batch seq (heads head_dim)"),
    block.outputProjection,
  );
  return pass.observe(`${name}.output`, output);
}

/** The mean of the values, each weighted by how well its key answers the query. */
function attend(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  factor: number,
  pass: Pass,
  layer: number,
): Tensor {
  // What follows, in one kernel, where nobody wants to see what is in between.
  const fused = pass.attendFused(layer, query, key, value, factor);
  if (fused !== undefined) return fused;

  const name = `blocks.${layer}.attention`;
  const products = einsum(
    query,
    key,
    "batch heads seq_q head_dim, batch heads seq_k head_dim -> batch heads seq_q seq_k",
  );
  const scores = pass.observe(`${name}.scores`, scale(products, factor));
  const weights = pass.observe(`${name}.weights`, softmax(scores, pass.mask));
  return einsum(
    weights,
    value,
    "batch heads seq_q seq_k, batch heads seq_k head_dim -> batch heads seq_q head_dim",
  );
}

/** The position-wise network: widen, activate, narrow. */
function mlp(x: Tensor, block: Block, pass: Pass, config: GPT2Config): Tensor {
  const name = `blocks.${block.layer}.mlp`;
  const activated = activate(linear(x, block.hiddenProjection), config.activation);
  const hidden = pass.observe(`${name}.hidden`, activated);
  return pass.observe(`${name}.output`, linear(hidden, block.mlpProjection));
}

/** The weight, with what adapters add to it (Hu et al., 2021, "LoRA", arXiv:2106.09685, section 4.1), and the bias. */
function linear(x: Tensor, { weight, bias, updates = [] }: Linear): Tensor {
  let y = einsum(x, weight, "batch seq in, out in -> batch seq out");
  for (const { down, up, factor, drop } of updates) {
    const narrow = scale(
      einsum(drop?.(x) ?? x, down, "batch seq in, rank in -> batch seq rank"),
      factor,
    );
    y = add(y, einsum(narrow, up, "batch seq rank, out rank -> batch seq out"));
  }
  return add(y, bias);
}

function normalize(x: Tensor, { weight, bias }: LayerNorm, config: GPT2Config): Tensor {
  return layerNorm(x, weight, bias, config.layerNormEpsilon);
}
