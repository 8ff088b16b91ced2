"""Weights that need no file: a function of the tensor's name, so that no model size costs bytes.

For the tensor with the state-dict name `name` (for example `transformer.h.0.attn.c_attn.weight`)
and the flat index `i` (row-major in the Hugging Face layout, so Conv1D weights are (in, out)):

    x = (fnv1a32(utf8(name)) + i * 0x9E3779B9) mod 2^32
    x ^= x >>> 16;  x = x * 0x85EBCA6B mod 2^32
    x ^= x >>> 13;  x = x * 0xC2B2AE35 mod 2^32
    x ^= x >>> 16
    u = 2 * ((x >>> 8) / 2^24) - 1                          exact in float32, in [-1, 1)

and, each operation rounded to float32, with the scales of the case:

    matrices and embeddings    u * weight_scale
    biases (not of norms)      u * bias_scale
    norm weights               1 + u * norm_weight_scale
    norm biases                u * norm_bias_scale

where the norms are the tensors with `.ln_` in their name.
"""

import math

import numpy as np
import torch
from transformers import GPT2Config, GPT2LMHeadModel

SCALES = {
    "weight_scale": 0.2,
    "bias_scale": 0.1,
    "norm_weight_scale": 0.1,
    "norm_bias_scale": 0.1,
}


def fnv1a32(data: bytes) -> int:
    """The 32-bit FNV-1a hash."""
    value = 0x811C9DC5
    for byte in data:
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


def uniform(name: str, count: int) -> np.ndarray:
    """`count` float32 values in [-1, 1) that depend on the name and the index only."""
    x = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B9)
    x += np.uint32(fnv1a32(name.encode()))
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x85EBCA6B)
    x ^= x >> np.uint32(13)
    x *= np.uint32(0xC2B2AE35)
    x ^= x >> np.uint32(16)
    u = (x >> np.uint32(8)).astype(np.float32) / np.float32(2**24)
    return u * np.float32(2) - np.float32(1)


def make_weight(name: str, shape: torch.Size, scales: dict[str, float]) -> torch.Tensor:
    """The tensor called `name`."""
    u = uniform(name, math.prod(shape))
    is_norm, is_bias = ".ln_" in name, name.endswith(".bias")
    kind = ("norm_" if is_norm else "") + ("bias_scale" if is_bias else "weight_scale")
    value = u * np.float32(scales[kind])
    if is_norm and not is_bias:
        value = np.float32(1) + value
    return torch.from_numpy(value.reshape(shape))


def create_model(config: GPT2Config, weights: dict[str, torch.Tensor]) -> GPT2LMHeadModel:
    """A model in evaluation mode that holds exactly these weights; the output layer is tied."""
    model = GPT2LMHeadModel._from_config(config, attn_implementation="eager")
    missing, unexpected = model.load_state_dict(weights, strict=False)
    if missing != ["lm_head.weight"] or unexpected:
        raise ValueError(f"The weights do not fit: missing {missing}, unexpected {unexpected}.")
    model.tie_weights()
    return model.eval()


def create_generated_model(config: GPT2Config, scales: dict[str, float]) -> GPT2LMHeadModel:
    """A model whose weights come from `make_weight`."""
    with torch.device("meta"):
        shapes = GPT2LMHeadModel(config).state_dict()
    names = [name for name in shapes if name != "lm_head.weight"]
    return create_model(config, {n: make_weight(n, shapes[n].shape, scales) for n in names})


def weight_samples(model: GPT2LMHeadModel) -> dict[str, list[float]]:
    """First three and last value of some tensors, to check another implementation by."""
    names = ["wte.weight", "h.0.attn.c_attn.weight", "h.0.attn.c_attn.bias", "ln_f.weight"]
    state = model.state_dict()
    tensors = {name: state[f"transformer.{name}"].flatten() for name in names}
    return {
        f"transformer.{name}": [float(values[i]) for i in (0, 1, 2, -1)]
        for name, values in tensors.items()
    }
