"""Make tests/fixtures/inspection/transformer_lens.json: what TransformerLens finds.

    python scripts/make_inspection_reference.py

The model is that of tests/fixtures/reference/activations, in float32 on the CPU. Of TransformerLens
as it is (no layer norm folded, nothing centered):

    cache           its activations under this package's names
    patching        get_act_patch_*: a matrix (layer position), or (layer head), of the logit
                    difference at the last position
    headScores      detect_head with error_measure="mul": the sum over all positions divided by
                    their number, where this package divides by those that have what is looked for
    lens            accumulated_resid, the final norm applied, times W_U, softmax: (layer vocab)

and with the layer norms folded into the weights that read from them, which makes the final norm's
weight a part of W_U and its bias one of b_U:

    attribution     logit_attrs of the embeddings, of stack_head_results and of the MLPs

Requires torch, transformers, numpy, safetensors and transformer_lens 2.16.
"""

import json
from pathlib import Path

import torch
from transformer_lens import ActivationCache, HookedTransformer, HookedTransformerConfig, patching
from transformer_lens.head_detector import detect_head
from transformer_lens.pretrained.weight_conversions import convert_gpt2_weights
from transformers import GPT2Config

from reference.weights import create_generated_model

FIXTURES = Path(__file__).parents[1] / "tests" / "fixtures"
CASE = FIXTURES / "reference" / "activations"
SCALE_NAMES = ("weight_scale", "bias_scale", "norm_weight_scale", "norm_bias_scale")

CLEAN = [11, 25, 40, 3, 58]
CORRUPTED = [11, 25, 7, 3, 58]
ANSWER, WRONG = 20, 33
# Different tokens, twice.
REPEATED = [5, 60, 17, 33, 2, 48, 9] * 2

HOOKS = {
    "attentionNorm": "ln1.hook_normalized",
    "attention.query": "attn.hook_q",
    "attention.key": "attn.hook_k",
    "attention.value": "attn.hook_v",
    "attention.scores": "attn.hook_attn_scores",
    "attention.weights": "attn.hook_pattern",
    "attention.attended": "attn.hook_z",
    "attention.output": "hook_attn_out",
    "residualMiddle": "hook_resid_mid",
    "mlpNorm": "ln2.hook_normalized",
    "mlp.hidden": "mlp.hook_post",
    "mlp.output": "hook_mlp_out",
    "residual": "hook_resid_post",
}
POS_HEAD_HOOKS = ("hook_q", "hook_k", "hook_v", "hook_z")  # (batch pos head d_head)


def create_lens_model(config: GPT2Config, scales: dict, **processing) -> HookedTransformer:
    """The model in TransformerLens."""
    sizes = HookedTransformerConfig(
        n_layers=config.n_layer,
        d_model=config.n_embd,
        n_ctx=config.n_positions,
        d_head=config.n_embd // config.n_head,
        n_heads=config.n_head,
        d_mlp=4 * config.n_embd,
        d_vocab=config.vocab_size,
        act_fn="gelu_new",
        normalization_type="LN",
        eps=config.layer_norm_epsilon,
    )
    model = HookedTransformer(sizes)
    weights = convert_gpt2_weights(create_generated_model(config, scales), sizes)
    raw = {"fold_ln": False, "center_writing_weights": False, "center_unembed": False}
    model.load_and_process_state_dict(weights, **raw | {"fold_value_biases": False} | processing)
    return model.eval()


def named_cache(cache: ActivationCache, logits: torch.Tensor, layers: int) -> dict:
    """Activations by this package's names, with heads before positions."""

    def of(hook: str) -> torch.Tensor:
        value = cache[hook]
        return value.transpose(1, 2) if hook.endswith(POS_HEAD_HOOKS) else value

    blocks = {
        f"blocks.{i}.{name}": of(f"blocks.{i}.{hook}")
        for i in range(layers)
        for name, hook in HOOKS.items()
    }
    embedding = cache["hook_embed"] + cache["hook_pos_embed"]
    final = {"finalNorm": cache["ln_final.hook_normalized"], "logits": logits}
    return {"embedding": embedding} | blocks | final


def patching_matrices(model: HookedTransformer, clean_cache: ActivationCache) -> dict:
    """The logit difference of the corrupted prompt with each activation of the clean one."""
    metric = lambda logits: logits[0, -1, ANSWER] - logits[0, -1, WRONG]  # noqa: E731
    arguments = (model, torch.tensor([CORRUPTED]), clean_cache, metric)
    return {
        "residual": patching.get_act_patch_resid_pre(*arguments),
        "attention": patching.get_act_patch_attn_out(*arguments),
        "mlp": patching.get_act_patch_mlp_out(*arguments),
        "heads": patching.get_act_patch_attn_head_out_all_pos(*arguments),
    }


def head_scores(model: HookedTransformer) -> dict:
    """(layer head) for each of the patterns that TransformerLens can detect."""
    tokens = torch.tensor([REPEATED])
    _, cache = model.run_with_cache(tokens, remove_batch_dim=True)
    names = ("previous_token_head", "duplicate_token_head", "induction_head")
    # detect_head() wants a text and a tokenizer; the tokens are all that it takes from them.
    model.to_tokens = lambda _: tokens
    return {
        name: detect_head(model, "a b", name, cache=cache, error_measure="mul") for name in names
    }


def lens(model: HookedTransformer, cache: ActivationCache) -> torch.Tensor:
    """What each layer would have said at the last position: probabilities (layer vocab)."""
    streams = cache.accumulated_resid(layer=-1, incl_mid=False, pos_slice=-1)[:, 0]
    return (model.ln_final(streams[:, None])[:, 0] @ model.W_U).softmax(-1)


def attribution(folded: HookedTransformer) -> dict[str, float]:
    """What each part adds to the logit difference at the last position."""
    _, cache = folded.run_with_cache(torch.tensor([CLEAN]))
    heads = cache.stack_head_results(layer=-1, pos_slice=-1)
    parts, labels = cache.decompose_resid(layer=-1, mode="all", pos_slice=-1, return_labels=True)
    # These apply the layer norm themselves.
    at = {"pos_slice": -1, "has_batch_dim": True}
    attrs = cache.logit_attrs(parts, ANSWER, incorrect_tokens=WRONG, **at)
    values = {label: value.item() for label, value in zip(labels, attrs)}
    names = {"embed": "tokenEmbedding", "pos_embed": "positionEmbedding"}
    names |= {f"{i}_mlp_out": f"blocks.{i}.mlp" for i in range(folded.cfg.n_layers)}
    result = {ours: values[theirs] for theirs, ours in names.items()}
    for index, value in enumerate(cache.logit_attrs(heads, ANSWER, incorrect_tokens=WRONG, **at)):
        layer, head = divmod(index, folded.cfg.n_heads)
        result[f"blocks.{layer}.attention.heads.{head}"] = value.item()
    return result | {"finalNorm.bias": (folded.b_U[ANSWER] - folded.b_U[WRONG]).item()}


def plain(value):
    """Tensors as lists of numbers of 7 digits; null for what is infinite."""
    if isinstance(value, torch.Tensor):
        return {"shape": list(value.shape), "data": plain(value.flatten().tolist())}
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, float):
        return float(f"{value:.7g}") if abs(value) != float("inf") else None
    return value


def main() -> None:
    """Write the file."""
    torch.set_grad_enabled(False)
    config = GPT2Config.from_pretrained(CASE)
    case = json.loads((CASE / "case.json").read_text())
    scales = {name: case[name] for name in SCALE_NAMES}
    model = create_lens_model(config, scales)
    logits, cache = model.run_with_cache(torch.tensor([CLEAN]))
    found = {
        "clean": CLEAN,
        "corrupted": CORRUPTED,
        "answer": ANSWER,
        "against": WRONG,
        "repeated": REPEATED,
        "cache": named_cache(cache, logits, config.n_layer),
        "patching": patching_matrices(model, cache),
        "lens": lens(model, cache),
        "headScores": head_scores(model),
        "attribution": attribution(create_lens_model(config, scales, fold_ln=True)),
    }
    path = FIXTURES / "inspection" / "transformer_lens.json"
    path.write_text(json.dumps(plain(found), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
