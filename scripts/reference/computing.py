"""What is computed with a model, and how it is written down."""

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy
from transformers import GPT2LMHeadModel

REFERENCE = Path(__file__).parents[2] / "tests" / "fixtures" / "reference"
# Greedy continuations must not hinge on rounding: at every step the best logit leads by this much.
MIN_GREEDY_GAP = 1e-3
NUM_GREEDY_TOKENS = 200


@torch.no_grad()
def compute_logits(model: GPT2LMHeadModel, tokens: torch.Tensor) -> torch.Tensor:
    """Logits of shape (batch, seq, vocab)."""
    return model(tokens, use_cache=False).logits


def mean_loss(logits: torch.Tensor, targets: torch.Tensor) -> float:
    """Mean cross-entropy in nats over all positions, summed up in float64."""
    return cross_entropy(logits.double().flatten(0, 1), targets.flatten()).item()


def float32_error(model: GPT2LMHeadModel, tokens: torch.Tensor, logits: torch.Tensor) -> float:
    """Largest difference of the logits to those of the same model in float64."""
    exact = compute_logits(model.double(), tokens)
    model.float()
    return (exact - logits).abs().max().item()


@torch.no_grad()
def greedy(model: GPT2LMHeadModel, prompt: torch.Tensor, num_tokens: int) -> dict:
    """Greedy continuation of a (seq) prompt with the cache, verified by one pass without it."""
    # The continuation has to have its full length, so the end token is a token like any other.
    model.generation_config.eos_token_id = None
    output = model.generate(
        prompt[None],
        attention_mask=torch.ones_like(prompt[None]),
        do_sample=False,
        use_cache=True,
        max_new_tokens=num_tokens,
        pad_token_id=0,
        return_dict_in_generate=True,
        output_logits=True,
    )
    continuation = output.sequences[0, len(prompt) :]
    top = torch.cat(output.logits).topk(2).values
    recomputed = compute_logits(model, output.sequences[:, :-1])[0, len(prompt) - 1 :]
    if len(continuation) != num_tokens or not torch.equal(recomputed.argmax(-1), continuation):
        raise ValueError("The greedy continuation differs with and without the cache.")
    return {
        "prompt": prompt.tolist(),
        "continuation": continuation.tolist(),
        "min_gap": (top[:, 0] - top[:, 1]).min().item(),
    }


def write_case(folder: Path, case: dict, tensors: dict[str, torch.Tensor]) -> None:
    """Write case.json and expected.safetensors; integers become I32."""
    tensors = {
        name: (tensor.int() if tensor.dtype == torch.int64 else tensor).contiguous()
        for name, tensor in tensors.items()
    }
    (folder / "case.json").write_text(to_json(case))
    save_file(tensors, folder / "expected.safetensors")
    for file in folder.iterdir():
        file.chmod(0o644)


def to_json(case: dict) -> str:
    """JSON with one line for each entry, lists included."""
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in case.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def new_folder(name: str) -> Path:
    """An empty folder for the case."""
    folder = REFERENCE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
