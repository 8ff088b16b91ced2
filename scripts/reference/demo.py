"""The demo model, with the values its GGUF file dequantizes to."""

import hashlib
from pathlib import Path

import gguf
import numpy as np
import torch
from tokenizers import ByteLevelBPETokenizer
from transformers import GPT2Config, GPT2LMHeadModel

from reference.computing import (
    MIN_GREEDY_GAP,
    NUM_GREEDY_TOKENS,
    compute_logits,
    float32_error,
    greedy,
    mean_loss,
    new_folder,
    write_case,
)
from reference.tokenizer import END_OF_TEXT
from reference.weights import create_model

GGUF_NAMES = {
    "token_embd": "wte",
    "position_embd": "wpe",
    "output_norm": "ln_f",
    "attn_norm": "ln_1",
    "attn_qkv": "attn.c_attn",
    "attn_output": "attn.c_proj",
    "ffn_norm": "ln_2",
    "ffn_up": "mlp.c_fc",
    "ffn_down": "mlp.c_proj",
}
TRAIN_SHARE = 0.9
DEMO_WINDOW = 256
NUM_DEMO_WINDOWS = 8
NUM_DEMO_LOGITS = 32
NUM_DEMO_STATES = 12
DEMO_PROMPTS = [
    "ROMEO:",
    "JULIET:",
    "KING RICHARD III:",
    "MENENIUS:",
    "First Citizen:",
    "What is your will, my lord?",
    "The king is dead",
    "O, ",
    "DUKE VINCENTIO:",
    "Come, let us",
]


def from_gguf_name(name: str) -> str:
    """`blk.0.attn_qkv.weight` -> `transformer.h.0.attn.c_attn.weight`."""
    *block, part, kind = name.split(".")
    prefix = f"transformer.h.{block[1]}" if block else "transformer"
    return f"{prefix}.{GGUF_NAMES[part]}.{kind}"


def read_gguf(path: Path) -> tuple[GPT2LMHeadModel, ByteLevelBPETokenizer]:
    """The model with every tensor dequantized to float32, and its tokenizer."""
    reader = gguf.GGUFReader(path)

    def value(key: str):
        return reader.fields[key].contents()

    tokens, merges = value("tokenizer.ggml.tokens"), value("tokenizer.ggml.merges")
    end = value("tokenizer.ggml.eos_token_id")
    config = GPT2Config(
        vocab_size=len(tokens),
        n_positions=value("gpt2.context_length"),
        n_embd=value("gpt2.embedding_length"),
        n_layer=value("gpt2.block_count"),
        n_head=value("gpt2.attention.head_count"),
        n_inner=value("gpt2.feed_forward_length"),
        layer_norm_epsilon=value("gpt2.attention.layer_norm_epsilon"),
        bos_token_id=end,
        eos_token_id=end,
    )
    weights = {}
    for tensor in reader.tensors:
        name = from_gguf_name(tensor.name)
        array = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        is_conv1d = ".c_" in name and array.ndim == 2
        weights[name] = torch.from_numpy((array.T if is_conv1d else array).copy())
    tokenizer = ByteLevelBPETokenizer(
        {token: id for id, token in enumerate(tokens)},
        [tuple(merge.split(" ")) for merge in merges],
        add_prefix_space=False,
    )
    tokenizer.add_special_tokens([END_OF_TEXT])
    return create_model(config, weights), tokenizer


def validation_windows(tokens: torch.Tensor, context: int) -> tuple[torch.Tensor, torch.Tensor]:
    """All complete windows (inputs, targets), each of shape (windows, context)."""
    end = (len(tokens) - 1) // context * context
    return tokens[:end].view(-1, context), tokens[1 : end + 1].view(-1, context)


def validation_tokens(text: str, tokenizer: ByteLevelBPETokenizer) -> torch.Tensor:
    """The validation text of train_demo.ts as tokens."""
    return torch.tensor(tokenizer.encode(text[int(TRAIN_SHARE * len(text)) :]).ids)


def window_losses(model: GPT2LMHeadModel, ids: torch.Tensor) -> list[float]:
    """The loss of each window of the validation protocol."""
    inputs, targets = validation_windows(ids, DEMO_WINDOW)
    return [
        mean_loss(compute_logits(model, row[None]), wanted)
        for row, wanted in zip(inputs, targets, strict=True)
    ]


def most_varied_greedy(model: GPT2LMHeadModel, tokenizer: ByteLevelBPETokenizer) -> dict:
    """Of the greedy continuations with clear decisions, the one that repeats itself least."""
    end = tokenizer.token_to_id(END_OF_TEXT)
    results = []
    for prompt in DEMO_PROMPTS:
        ids = torch.tensor(tokenizer.encode(prompt).ids)
        result = {"prompt_text": prompt, **greedy(model, ids, NUM_GREEDY_TOKENS)}
        if end not in result["continuation"] and result["min_gap"] > MIN_GREEDY_GAP:
            results.append(result)
    if not results:
        raise ValueError("No prompt has a continuation with clear decisions.")
    best = max(results, key=lambda result: len(set(result["continuation"])))
    return {**best, "continuation_text": tokenizer.decode(best["continuation"])}


def hidden_states(model: GPT2LMHeadModel, tokens: torch.Tensor) -> dict[str, torch.Tensor]:
    """What transformers gives with output_hidden_states and output_attentions, all layers in one."""
    with torch.no_grad():
        output = model(tokens, output_hidden_states=True, output_attentions=True, use_cache=False)
    return {
        "hidden_states": torch.cat(output.hidden_states),
        "attentions": torch.cat(output.attentions),
    }


def make_demo(path: Path, text: str) -> None:
    """What the demo model must compute with the values its GGUF holds."""
    model, tokenizer = read_gguf(path)
    folder = new_folder("demo")
    all_ids = validation_tokens(text, tokenizer)
    all_losses = window_losses(model, all_ids)
    losses = all_losses[:NUM_DEMO_WINDOWS]
    ids = all_ids[: NUM_DEMO_WINDOWS * DEMO_WINDOW + 1]
    tokens = ids[None, :NUM_DEMO_LOGITS]
    logits = compute_logits(model, tokens)
    entries = {
        "gguf_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "loss": losses[0],
        "window_losses": losses,
        "mean_window_loss": sum(losses) / len(losses),
        "validation_windows": len(all_losses),
        "validation_loss": sum(all_losses) / len(all_losses),
        "float32_error": float32_error(model, tokens, logits),
        "greedy": most_varied_greedy(model, tokenizer),
    }
    states = hidden_states(model, tokens[:, :NUM_DEMO_STATES])
    write_case(folder, entries, {"ids": ids, "tokens": tokens, "logits": logits, **states})
    (folder / "passage.txt").write_text(tokenizer.decode(ids.tolist()))
