"""Make gradients of many random batches, for scripts/compare_gradients.ts: one batch tells little of rounding.

    python scripts/make_gradient_batches.py FOLDER

For each batch of each model of tests/fixtures/training there is `MODEL/N.json`, with tokens, targets and how far PyTorch's
gradients in float32 are off (the worst of all weights, of a weight's largest), and `MODEL/N.safetensors`: the gradients
in float64, rounded to float32, under this project's names and in its layout.

Requires torch, transformers, numpy and safetensors.
"""

import json
import sys
from pathlib import Path

import torch
from make_training_reference import (
    CASES,
    IGNORED,
    create_model,
    gradients_of,
    make_batch,
    our_layout,
    our_name,
)
from safetensors.torch import save_file
from transformers import GPT2Config

MODELS = ("tied", "odd_untied", "exact_gelu")
NUM_BATCHES = 16


def worst_error(found: dict[str, torch.Tensor], exact: dict[str, torch.Tensor]) -> float:
    return max(
        float((found[name].double() - gradient).abs().max() / gradient.abs().max())
        for name, gradient in exact.items()
    )


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    for name in MODELS:
        case = CASES[name]
        sizes = case["sizes"]
        config = GPT2Config(**sizes, bos_token_id=0, eos_token_id=0)
        (folder / name).mkdir(parents=True, exist_ok=True)
        for seed in range(NUM_BATCHES):
            generator = torch.Generator().manual_seed(seed)
            tokens, targets = make_batch(sizes, case["lengths"])
            random = torch.randint(0, sizes["vocab_size"], (2, *tokens.shape), generator=generator)
            # Behind a text are zeros, and what does not count stays so.
            tokens = torch.where(tokens == 0, tokens, random[0])
            targets = torch.where(targets == IGNORED, targets, random[1])
            model = create_model(config)
            _, rounded = gradients_of(model, tokens, targets)
            _, exact = gradients_of(model.double(), tokens, targets)
            nearest = {key: gradient.float() for key, gradient in exact.items()}
            about = {
                "tokens": tokens.tolist(),
                "targets": targets.tolist(),
                "float32_error": worst_error(rounded, {k: g.double() for k, g in nearest.items()}),
            }
            (folder / name / f"{seed}.json").write_text(json.dumps(about))
            save_file(
                {our_name(key): our_layout(key, g) for key, g in exact.items()},
                folder / name / f"{seed}.safetensors",
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
