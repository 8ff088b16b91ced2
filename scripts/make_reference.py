"""Make the reference values under tests/fixtures/reference from Hugging Face transformers.

    python scripts/make_reference.py                                       # all but demo/
    python scripts/make_reference.py --demo demo.gguf --text shakespeare.txt   # demo/ only

Everything is computed by `GPT2LMHeadModel` with attn_implementation="eager", on the CPU, in
float32; `float32_error` says how far that is from the same model in float64. The README.md in that
folder describes the files, and reference/weights.py defines the weights of the models.

Requires torch, transformers, tokenizers, safetensors, numpy and gguf.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from reference.activations import capture_activations
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
from reference.demo import make_demo
from reference.tokenizer import save_tokenizer, train_tokenizer
from reference.weights import SCALES, create_generated_model, weight_samples

# Cases with generated weights -----------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A model shape and what to compute with it."""

    name: str
    batch: int
    seq: int
    config: dict
    weight_scale: float = 0.2
    num_greedy_tokens: int = 0

    @property
    def scales(self) -> dict[str, float]:
        """All scales of `make_weight`."""
        return SCALES | {"weight_scale": self.weight_scale}

    def create_config(self) -> GPT2Config:
        """The Hugging Face configuration; the last token ends a text, as in GPT-2."""
        end = self.config["vocab_size"] - 1
        return GPT2Config(**self.config, bos_token_id=end, eos_token_id=end)


def shape(vocab: int, context: int, dims: int, heads: int, layers: int = 2, **more) -> dict:
    """Keyword arguments for GPT2Config."""
    sizes = {"vocab_size": vocab, "n_positions": context, "n_embd": dims}
    return sizes | {"n_head": heads, "n_layer": layers} | more


CASES = [
    Case("tiny", 2, 24, shape(300, 256, 64, 4), num_greedy_tokens=NUM_GREEDY_TOKENS),
    Case("odd_heads_3", 1, 17, shape(307, 64, 48, 3), num_greedy_tokens=40),
    Case("odd_heads_5", 1, 17, shape(293, 64, 40, 5), num_greedy_tokens=40),
    Case(
        "custom_shape",
        1,
        19,
        shape(311, 64, 48, 4, layers=3, n_inner=100, layer_norm_epsilon=1e-3),
        num_greedy_tokens=40,
    ),
]
SMALL_SHAPE = Case("gpt2_small_shape", 1, 24, shape(50257, 1024, 768, 12, 12), weight_scale=0.05)
ACTIVATIONS = Case("activations", 1, 7, shape(64, 16, 32, 4), weight_scale=0.3)


def random_tokens(vocab: int, *size: int, seed: int) -> torch.Tensor:
    """Token ids drawn with a fixed seed."""
    rng = np.random.Generator(np.random.PCG64(seed))
    return torch.from_numpy(rng.integers(vocab, size=size))


def search_greedy(model: GPT2LMHeadModel, num_tokens: int) -> dict:
    """A greedy continuation of the first random prompt with clear decisions at every step."""
    for seed in range(1000):
        prompt = random_tokens(model.config.vocab_size, 8, seed=seed)
        result = greedy(model, prompt, num_tokens)
        if result["min_gap"] > MIN_GREEDY_GAP:
            return result
    raise ValueError("No prompt has a continuation with clear decisions.")


def make_case(case: Case) -> tuple[Path, GPT2LMHeadModel, dict, dict[str, torch.Tensor]]:
    """The folder with its config, the model, and the entries that all cases have in common."""
    folder = new_folder(case.name)
    config = case.create_config()
    config.save_pretrained(folder)
    model = create_generated_model(config, case.scales)
    ids = random_tokens(config.vocab_size, case.batch, case.seq + 1, seed=1)
    tokens, targets = ids[:, :-1], ids[:, 1:]
    logits = compute_logits(model, tokens)
    entries = {
        **case.scales,
        "weight_samples": weight_samples(model),
        "loss": mean_loss(logits, targets),
        "float32_error": float32_error(model, tokens, logits),
    }
    return folder, model, entries, {"tokens": tokens, "targets": targets, "logits": logits}


def make_tiny_case(case: Case) -> None:
    """A case with all its logits and a greedy continuation."""
    folder, model, entries, tensors = make_case(case)
    entries["greedy"] = search_greedy(model, case.num_greedy_tokens)
    write_case(folder, entries, tensors)


def make_small_shape_case() -> None:
    """GPT-2 small's shape: some of the logits, and for each position what sums up all of them."""
    folder, _, entries, tensors = make_case(SMALL_SHAPE)
    logits = tensors.pop("logits")
    vocab = logits.shape[-1]
    columns = torch.linspace(0, vocab - 1, 64).round().long()
    tensors |= {
        "columns": columns,
        "logits_at_columns": logits[..., columns],
        "logits_max": logits.amax(-1),
        "logits_argmax": logits.argmax(-1),
        "logits_logsumexp": logits.double().logsumexp(-1).float(),
    }
    write_case(folder, entries, tensors)


def make_activations_case() -> None:
    """All activations of one small model."""
    folder, model, entries, tensors = make_case(ACTIVATIONS)
    activations = capture_activations(model, tensors["tokens"])
    torch.testing.assert_close(activations["logits"], tensors["logits"], rtol=0, atol=0)
    write_case(folder, entries, tensors | activations)


# Folders that save_pretrained wrote -----------------------------------------------------------

HF_CONFIG = shape(288, 48, 32, 4, n_inner=64)
HF_TEXT = (
    "the quick brown fox jumps over the lazy dog, and then the other one; that's all there is.\n"
)
BOTH_FORMS = ("vocab.json", "merges.txt"), ("tokenizer.json",)
VARIANTS = [  # folder, type, largest shard, forms of the tokenizer
    ("hf_folder", torch.float32, "1GB", BOTH_FORMS),
    ("hf_folder_sharded", torch.float32, "40KB", BOTH_FORMS[:1]),
    ("hf_folder_f16", torch.float16, "1GB", BOTH_FORMS[1:]),
    ("hf_folder_bf16", torch.bfloat16, "1GB", BOTH_FORMS[1:]),
]


def make_hf_folders() -> None:
    """One model as save_pretrained writes it: F32, F32 in shards, F16 and BF16."""
    vocab = HF_CONFIG["vocab_size"]
    config = GPT2Config(**HF_CONFIG, bos_token_id=vocab - 1, eos_token_id=vocab - 1)
    ids = random_tokens(vocab, 2, 13, seed=1)
    tokens, targets = ids[:, :-1], ids[:, 1:]
    tokenizer = train_tokenizer(HF_TEXT * 2, vocab)
    for name, dtype, shard, forms in VARIANTS:
        folder = new_folder(name)
        model = create_generated_model(config, SCALES).to(dtype)
        model.save_pretrained(folder, max_shard_size=shard)
        save_tokenizer(tokenizer, folder)
        for form in BOTH_FORMS:
            if form not in forms:
                for file in form:
                    (folder / file).unlink()
        model.float()  # the same rounded weights, computed with in float32
        logits = compute_logits(model, tokens)
        entries = {
            "loss": mean_loss(logits, targets),
            "float32_error": float32_error(model, tokens, logits),
        }
        write_case(folder, entries, {"tokens": tokens, "targets": targets, "logits": logits})


def main() -> None:
    """Parse the command line and write the fixtures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--demo", type=Path, metavar="GGUF", help="make demo/ from this file")
    parser.add_argument("--text", type=Path, help="tiny Shakespeare, with --demo")
    options = parser.parse_args()
    if (options.demo is None) != (options.text is None):
        parser.error("--demo and --text go together")
    torch.set_num_threads(1)
    if options.demo:
        make_demo(options.demo, options.text.read_text(encoding="utf-8"))
        return
    for case in CASES:
        make_tiny_case(case)
    make_activations_case()
    make_hf_folders()
    make_small_shape_case()


if __name__ == "__main__":
    main()
