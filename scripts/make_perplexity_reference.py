"""Make tests/fixtures/evaluation/perplexity.json: the demo model's perplexity on a passage.

    python scripts/make_perplexity_reference.py

The passage is the first 1,500 characters of tests/fixtures/reference/demo/passage.txt. Computed are, with transformers in float64
and the values that src/demo/demo.gguf dequantizes to:

    hugging-face    the loop of https://huggingface.co/docs/transformers/perplexity; `page` is the
                    number as the page has it, which weighs a window by one token less than it has
    llama.cpp       the second half of each chunk, as perplexity() in tools/perplexity/perplexity.cpp

Requires torch, transformers, tokenizers and gguf.
"""

import json
from pathlib import Path

import torch
from transformers import GPT2LMHeadModel

from reference.demo import read_gguf

ROOT = Path(__file__).parents[1]
STRIDES = [(256, 128), (256, 256), (200, 70)]  # max_length, stride
CHUNKS = [256, 101]
NUM_CHARACTERS = 1500


def losses_of(model: GPT2LMHeadModel, ids: torch.Tensor, first: int) -> torch.Tensor:
    """The losses of the tokens from `first` on, which is not 0."""
    logits = model(ids[None]).logits[0, first - 1 : -1]
    return torch.nn.functional.cross_entropy(logits, ids[first:], reduction="none")


def page_number(model: GPT2LMHeadModel, ids: torch.Tensor, max_length: int, stride: int) -> float:
    """The code of Hugging Face's page, as it is there."""
    encodings = ids[None]
    seq_len = encodings.size(1)
    nll_sum, n_tokens, prev_end_loc = 0.0, 0, 0
    for begin_loc in range(0, seq_len, stride):
        end_loc = min(begin_loc + max_length, seq_len)
        trg_len = end_loc - prev_end_loc
        input_ids = encodings[:, begin_loc:end_loc]
        target_ids = input_ids.clone()
        target_ids[:, :-trg_len] = -100
        neg_log_likelihood = model(input_ids, labels=target_ids).loss
        num_valid_tokens = (target_ids != -100).sum().item()
        num_loss_tokens = num_valid_tokens - target_ids.size(0)
        if num_loss_tokens > 0:
            nll_sum += neg_log_likelihood.item() * num_loss_tokens
            n_tokens += num_loss_tokens
        prev_end_loc = end_loc
        if end_loc == seq_len:
            break
    return torch.tensor(nll_sum / n_tokens).exp().item()


def strided(model: GPT2LMHeadModel, ids: torch.Tensor, max_length: int, stride: int) -> dict:
    """Each token that a window has and those before it have not."""
    losses, previous = [], 0
    for begin in range(0, len(ids), stride):
        end = min(begin + max_length, len(ids))
        losses.append(losses_of(model, ids[begin:end], max(1, previous - begin)))
        previous = end
        if end == len(ids):
            break
    page = page_number(model, ids, max_length, stride)
    return {"maxLength": max_length, "stride": stride, **summarize(losses), "page": page}


def chunked(model: GPT2LMHeadModel, ids: torch.Tensor, chunk: int) -> dict:
    """The tokens behind the middle of each chunk."""
    starts = range(0, len(ids) - chunk + 1, chunk)
    losses = [losses_of(model, ids[start : start + chunk], chunk // 2 + 1) for start in starts]
    return {"chunk": chunk, **summarize(losses)}


def summarize(parts: list[torch.Tensor]) -> dict:
    """Perplexity and its error as llama-perplexity prints them."""
    losses = torch.cat(parts)
    error = losses.std(correction=0) / (len(losses) - 1) ** 0.5
    perplexity = losses.mean().exp()
    return {
        "numWindows": sum(len(part) > 0 for part in parts),
        "numScored": len(losses),
        "loss": losses.mean().item(),
        "perplexity": perplexity.item(),
        "error": (perplexity * error).item(),
    }


@torch.no_grad()
def main() -> None:
    """Write the fixture."""
    model, tokenizer = read_gguf(ROOT / "src" / "demo" / "demo.gguf")
    model = model.double().eval()
    fixtures = ROOT / "tests" / "fixtures"
    passage = (fixtures / "reference" / "demo" / "passage.txt").read_bytes().decode()
    ids = torch.tensor(tokenizer.encode(passage[:NUM_CHARACTERS]).ids)
    result = {
        "numTokens": len(ids),
        "huggingFace": [strided(model, ids, *sizes) for sizes in STRIDES],
        "llamaCpp": [chunked(model, ids, chunk) for chunk in CHUNKS],
    }
    folder = fixtures / "evaluation"
    folder.mkdir(exist_ok=True)
    (folder / "perplexity.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
