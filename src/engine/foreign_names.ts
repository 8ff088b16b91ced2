/**
 * What others call the activations of a GPT-2: for messages to those who come from there.
 *
 * @module
 */

/**
 * Names of TransformerLens and of the modules of Hugging Face transformers, and ours of what they compute. N is the number
 * of a block; N-1 of the first one is the embedding. docs/activations.md says where definitions differ.
 */
export const FOREIGN_NAMES: readonly (readonly [theirs: string, ...ours: string[]])[] = [
  ["hook_embed", "embedding"],
  ["hook_pos_embed", "embedding"],
  ["blocks.N.hook_resid_pre", "blocks.N-1.residual"],
  ["blocks.N.ln1.hook_normalized", "blocks.N.attentionNorm"],
  ["blocks.N.attn.hook_q", "blocks.N.attention.query"],
  ["blocks.N.attn.hook_k", "blocks.N.attention.key"],
  ["blocks.N.attn.hook_v", "blocks.N.attention.value"],
  ["blocks.N.attn.hook_attn_scores", "blocks.N.attention.scores"],
  ["blocks.N.attn.hook_pattern", "blocks.N.attention.weights"],
  ["blocks.N.attn.hook_z", "blocks.N.attention.attended"],
  ["blocks.N.hook_attn_out", "blocks.N.attention.output"],
  ["blocks.N.hook_resid_mid", "blocks.N.residualMiddle"],
  ["blocks.N.ln2.hook_normalized", "blocks.N.mlpNorm"],
  ["blocks.N.mlp.hook_post", "blocks.N.mlp.hidden"],
  ["blocks.N.hook_mlp_out", "blocks.N.mlp.output"],
  ["blocks.N.hook_resid_post", "blocks.N.residual"],
  ["ln_final.hook_normalized", "finalNorm"],
  ["hidden_states[N]", "blocks.N-1.residual"],
  ["attentions[N]", "blocks.N.attention.weights"],
  ["transformer.wte", "embedding"],
  ["transformer.wpe", "embedding"],
  ["transformer.drop", "embedding"],
  ["transformer.h.N", "blocks.N.residual"],
  ["transformer.h.N.ln_1", "blocks.N.attentionNorm"],
  [
    "transformer.h.N.attn.c_attn",
    "blocks.N.attention.query",
    "blocks.N.attention.key",
    "blocks.N.attention.value",
  ],
  ["transformer.h.N.attn", "blocks.N.attention.output"],
  ["transformer.h.N.attn.c_proj", "blocks.N.attention.output"],
  ["transformer.h.N.ln_2", "blocks.N.mlpNorm"],
  ["transformer.h.N.mlp.act", "blocks.N.mlp.hidden"],
  ["transformer.h.N.mlp", "blocks.N.mlp.output"],
  ["transformer.h.N.mlp.c_proj", "blocks.N.mlp.output"],
  ["transformer.ln_f", "finalNorm"],
  ["lm_head", "logits"],
  // How TransformerLens' caches are asked for those of a block: `cache["z", 5]`.
  ["resid_pre", "embedding", "blocks.*.residual"],
  ["resid_mid", "blocks.*.residualMiddle"],
  ["resid_post", "blocks.*.residual"],
  ["attn_out", "blocks.*.attention.output"],
  ["mlp_out", "blocks.*.mlp.output"],
  ["post", "blocks.*.mlp.hidden"],
  ["q", "blocks.*.attention.query"],
  ["k", "blocks.*.attention.key"],
  ["v", "blocks.*.attention.value"],
  ["z", "blocks.*.attention.attended"],
  ["attn_scores", "blocks.*.attention.scores"],
  ["pattern", "blocks.*.attention.weights"],
  ["embed", "embedding"],
];

/** What something is called here that is called so elsewhere; nothing if nobody calls it so. */
export function namesHere(theirs: string): string[] {
  for (const [pattern, ...ours] of FOREIGN_NAMES) {
    const found = patternOf(pattern).exec(theirs);
    if (found !== null) return ours.map((name) => nameOf(name, found[1]));
  }
  return [];
}

/** The names of modules are as often written without their first part. */
function patternOf(name: string): RegExp {
  const escaped = name.replace(/[.[\]]/g, "\\$&").replace("N", "(\\d+|\\*)");
  return new RegExp(`^${escaped.replace(/^transformer\\\./, "(?:transformer\\.)?")}$`);
}

function nameOf(ours: string, block: string | undefined): string {
  if (!ours.includes(".N-1.")) return ours.replace(".N.", `.${block}.`);
  if (block === "0") return "embedding";
  return ours.replace(".N-1.", block === "*" ? ".*." : `.${Number(block) - 1}.`);
}
