"""Everything a model computes on the way to its logits."""

import math

import torch
from transformers import GPT2LMHeadModel


def capture_activations(model: GPT2LMHeadModel, tokens: torch.Tensor) -> dict[str, torch.Tensor]:
    """What every part of the model computes, named by path, taken by hooks."""
    found: dict[str, torch.Tensor] = {}

    def keep_output(name, module):
        module.register_forward_hook(lambda _, __, output: found.update({name: output}))

    def keep_input(name, module):
        module.register_forward_pre_hook(lambda _, inputs: found.update({name: inputs[0]}))

    keep_output("embedding", model.transformer.drop)
    for i, block in enumerate(model.transformer.h):
        at = f"blocks.{i}"
        keep_output(f"{at}.attentionNorm", block.ln_1)
        keep_output(f"{at}.qkv", block.attn.c_attn)
        keep_input(f"{at}.attention.attended", block.attn.c_proj)
        keep_output(f"{at}.attention.output", block.attn.c_proj)
        keep_input(f"{at}.residualMiddle", block.ln_2)
        keep_output(f"{at}.mlpNorm", block.ln_2)
        keep_output(f"{at}.mlp.hidden", block.mlp.act)
        keep_output(f"{at}.mlp.output", block.mlp.c_proj)
        keep_output(f"{at}.residual", block)
    keep_output("finalNorm", model.transformer.ln_f)
    with torch.no_grad():
        output = model(tokens, use_cache=False, output_attentions=True)
    found["logits"] = output.logits
    for i, weights in enumerate(output.attentions):
        attended = f"blocks.{i}.attention.attended"
        found[attended] = split_heads(found[attended], weights.shape[1])
        found |= attention_activations(f"blocks.{i}", found.pop(f"blocks.{i}.qkv"), weights)
    return found


def split_heads(x: torch.Tensor, heads: int) -> torch.Tensor:
    """(batch seq (heads head_dim)) to (batch heads seq head_dim)."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def attention_activations(at: str, qkv: torch.Tensor, weights: torch.Tensor) -> dict:
    """Query, key, value and scores; the scores have to lead to the weights the model used."""
    heads = weights.shape[1]
    query, key, value = (split_heads(part, heads) for part in qkv.chunk(3, dim=-1))
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    future = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
    torch.testing.assert_close(scores.masked_fill(future, -math.inf).softmax(-1), weights)
    parts = {"query": query, "key": key, "value": value, "scores": scores, "weights": weights}
    return {f"{at}.attention.{name}": tensor for name, tensor in parts.items()}
