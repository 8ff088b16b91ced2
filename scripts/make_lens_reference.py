"""Make tests/fixtures/inspection/lens.json: the logit lens and direct logit attribution.

    python scripts/make_lens_reference.py

The model is that of tests/fixtures/reference/activations. Both are computed from its hidden states
by their definitions, with plain PyTorch in float64:

    lens            lm_head(ln_f(residual)), softmax
    attribution     ((part - mean(part)) / std(residual) * ln_f.weight) @ lm_head[answer]
                    and ln_f.bias @ lm_head[answer]; against another token, less the same of that

`parts` are the embeddings, each head (its rows of the output projection, without the bias), that
bias, and each MLP. That they sum to the logit is asserted here too.

Requires torch, transformers, numpy and safetensors.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import GPT2Config, GPT2LMHeadModel

from reference.activations import capture_activations
from reference.weights import create_generated_model

FIXTURES = Path(__file__).parents[1] / "tests" / "fixtures"
CASE = FIXTURES / "reference" / "activations"
TOP = 3
ATTRIBUTIONS = [(6, 11, None), (6, 11, 40), (3, 0, 63)]  # position, answer, against
SCALE_NAMES = ("weight_scale", "bias_scale", "norm_weight_scale", "norm_bias_scale")


def standing(probabilities: torch.Tensor, token: int) -> list:
    """Token, probability, and how many are likelier."""
    own = probabilities[token]
    return [token, own.item(), int((probabilities > own).sum())]


def read_lens(model: GPT2LMHeadModel, residuals: list[torch.Tensor], tokens: list[int]) -> list:
    """For each layer, for each position: the top tokens, entropy, the answer, and what follows."""
    all_probabilities = [
        model.lm_head(model.transformer.ln_f(x)).softmax(-1) for x in residuals
    ]
    answers = all_probabilities[-1].argmax(-1).tolist()
    return [
        [
            {
                "top": [standing(p, i) for i in p.topk(TOP).indices.tolist()],
                "entropy": -(p * p.log()).sum().item(),
                "answer": standing(p, answers[position]),
                **({"next": standing(p, tokens[position + 1])} if position + 1 < len(tokens) else {}),
            }
            for position, p in enumerate(probabilities)
        ]
        for probabilities in all_probabilities
    ]


def residual_parts(model: GPT2LMHeadModel, found: dict, token: int, position: int) -> dict:
    """What the last residual stream at a position is the sum of."""
    transformer = model.transformer
    parts = {
        "tokenEmbedding": transformer.wte.weight[token],
        "positionEmbedding": transformer.wpe.weight[position],
    }
    for i, block in enumerate(transformer.h):
        attended = found[f"blocks.{i}.attention.attended"][0, :, position]
        rows = block.attn.c_proj.weight.unflatten(0, attended.shape)
        for head, own in enumerate(torch.einsum("hd,hde->he", attended, rows)):
            parts[f"blocks.{i}.attention.heads.{head}"] = own
        parts[f"blocks.{i}.outputProjection.bias"] = block.attn.c_proj.bias
        parts[f"blocks.{i}.mlp"] = found[f"blocks.{i}.mlp.output"][0, position]
    return parts


def attribute(model: GPT2LMHeadModel, found: dict, tokens: list[int], *asked) -> dict:
    """The contributions to the logit of a token after a position, or to a difference of two."""
    position, answer, against = asked
    norm = model.transformer.ln_f
    direction = model.lm_head.weight[answer]
    logits = found["logits"][0, position]
    logit = logits[answer]
    if against is not None:
        direction = direction - model.lm_head.weight[against]
        logit = logit - logits[against]
    parts = residual_parts(model, found, tokens[position], position)
    residual = sum(parts.values())
    deviation = (residual.var(correction=0) + norm.eps).sqrt()
    contributions = {
        name: ((part - part.mean()) / deviation * norm.weight @ direction).item()
        for name, part in parts.items()
    }
    contributions["finalNorm.bias"] = (norm.bias @ direction).item()
    torch.testing.assert_close(sum(contributions.values()), logit.item(), rtol=0, atol=1e-9)
    return {
        "position": position,
        "answer": answer,
        "against": against,
        "logit": logit.item(),
        "contributions": contributions,
    }


@torch.no_grad()
def main() -> None:
    """Write the fixture."""
    config = GPT2Config.from_pretrained(CASE)
    case = json.loads((CASE / "case.json").read_text())
    model = create_generated_model(config, {name: case[name] for name in SCALE_NAMES}).double()
    tokens = load_file(CASE / "expected.safetensors")["tokens"].long()
    found = capture_activations(model, tokens)
    names = ["embedding", *(f"blocks.{i}.residual" for i in range(config.n_layer))]
    text = tokens[0].tolist()
    result = {
        "layers": names,
        "lens": read_lens(model, [found[name][0] for name in names], text),
        "attributions": [attribute(model, found, text, *asked) for asked in ATTRIBUTIONS],
    }
    rounded = json.loads(json.dumps(result), parse_float=lambda text: round(float(text), 7))
    folder = FIXTURES / "inspection"
    folder.mkdir(exist_ok=True)
    (folder / "lens.json").write_text(json.dumps(rounded) + "\n")


if __name__ == "__main__":
    main()
