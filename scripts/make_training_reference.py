"""Make tests/fixtures/training: gradients and optimizer steps of PyTorch.

    python scripts/make_training_reference.py

Each folder has `config.json`, whose weights are a function of their names (reference/weights.py),
`case.json` with tokens, targets (-100 where none counts), the loss in float64 and how far PyTorch's
own float32 gradients are off, and `gradients.safetensors`: the gradient of every weight, computed
in float64 and rounded to float32, under this project's names and in its layout (out, in).

The case `tied` also has, in `activations.safetensors`, the gradients of activations of the same loss,
under the names that docs/activations.md lists, and in `difference.safetensors` those of a difference of
two logits.

The case `steps` also has the losses of 100 steps of AdamW in float32 with decay on matrices only,
clipping, a warm-up and a cosine, each step on the next tokens of a fixed sequence, and in
`trained.safetensors` the weights after the last step.

Requires torch, transformers, numpy and safetensors.
"""

import json
import math
import re
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy
from transformers import GPT2Config, GPT2LMHeadModel

from reference.weights import SCALES, make_weight

FOLDER = Path(__file__).parents[1] / "tests" / "fixtures" / "training"
IGNORED = -100
NUM_STEPS = 100
WARMUP_STEPS = 10
LEARNING_RATE = 3e-3
MIN_LEARNING_RATE = 3e-4
STEP_SETTINGS = {"betas": (0.9, 0.99), "eps": 1e-8, "weight_decay": 0.1}
GRADIENT_CLIP = 1.0

# What the case `tied` measures beside its loss.
DIFFERENCE = {
    "answer": 5,
    "against": 17,
    "position": 6,
    "of": ["embedding", "blocks.0.attention.weights", "blocks.1.residual", "blocks.0.mlpProjection.weight"],
}

OUR_NAMES = [
    (r"^transformer\.", ""),
    (r"^wte\.weight", "tokenEmbedding"),
    (r"^wpe\.weight", "positionEmbedding"),
    (r"^lm_head\.weight", "vocabularyProjection"),
    (r"^h\.", "blocks."),
    (r"ln_1", "attentionNorm"),
    (r"ln_2", "mlpNorm"),
    (r"attn\.c_attn", "qkvProjection"),
    (r"attn\.c_proj", "outputProjection"),
    (r"mlp\.c_fc", "hiddenProjection"),
    (r"mlp\.c_proj", "mlpProjection"),
    (r"ln_f", "finalNorm"),
]

CASES = {
    "tied": {
        "sizes": dict(n_layer=2, n_head=4, n_embd=32, vocab_size=61, n_positions=16),
        "lengths": [9, 9],
    },
    # Five heads of five dimensions, an MLP of odd width, texts of different lengths, and a vocabulary projection of its own.
    "odd_untied": {
        "sizes": dict(
            n_layer=2, n_head=5, n_embd=25, n_inner=33, vocab_size=53, n_positions=13,
            tie_word_embeddings=False,
        ),
        "lengths": [13, 1, 7],
    },
    "exact_gelu": {
        "sizes": dict(
            n_layer=1, n_head=1, n_embd=8, vocab_size=17, n_positions=8, activation_function="gelu"
        ),
        "lengths": [8],
    },
    "steps": {
        "sizes": dict(n_layer=2, n_head=3, n_embd=24, vocab_size=47, n_positions=12),
        "lengths": [12, 12, 12, 12],
    },
}


def our_name(name: str) -> str:
    for pattern, replacement in OUR_NAMES:
        name = re.sub(pattern, replacement, name)
    return name


def our_layout(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """Conv1D stores (in, out)."""
    return (tensor.T if ".c_" in name and tensor.dim() == 2 else tensor).float().contiguous()


def create_model(config: GPT2Config) -> GPT2LMHeadModel:
    model = GPT2LMHeadModel._from_config(config, attn_implementation="eager")
    state = {
        name: make_weight(name, parameter.shape, SCALES)
        for name, parameter in model.named_parameters()
    }
    model.load_state_dict(state, strict=False)
    model.tie_weights()
    return model.eval()  # no dropout


def make_batch(sizes: dict, lengths: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Texts of these lengths, filled up behind their ends; every fifth target does not count."""
    batch, seq, vocab = len(lengths), max(lengths), sizes["vocab_size"]
    places = torch.arange(batch * seq).view(batch, seq)
    tokens, targets = (places * 37 + 11) % vocab, (places * 53 + 7) % vocab
    behind = torch.arange(seq)[None] >= torch.tensor(lengths)[:, None]
    tokens[behind] = 0
    targets[behind | (places % 5 == 4)] = IGNORED
    return tokens, targets


def loss_of(model: GPT2LMHeadModel, tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return cross_entropy(model(tokens).logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)


def gradients_of(
    model: GPT2LMHeadModel, tokens: torch.Tensor, targets: torch.Tensor
) -> tuple[float, dict[str, torch.Tensor]]:
    model.zero_grad()
    loss = loss_of(model, tokens, targets)
    loss.backward()
    return loss.item(), {name: p.grad.clone() for name, p in model.named_parameters()}


def watch(model: GPT2LMHeadModel) -> dict[str, torch.Tensor]:
    """Activations of the next forward pass by our names, each with its gradient after the backward pass."""
    seen: dict[str, torch.Tensor] = {}

    def keep(name: str, x: torch.Tensor) -> None:
        x.retain_grad()
        seen[name] = x

    def output(module: torch.nn.Module, name: str) -> None:
        module.register_forward_hook(
            lambda _m, _i, out: keep(name, out[0] if isinstance(out, tuple) else out)
        )

    output(model.transformer.drop, "embedding")
    for i, block in enumerate(model.transformer.h):
        path = f"blocks.{i}"
        output(block.ln_1, f"{path}.attentionNorm")
        output(block.attn.c_attn, f"{path}.qkv")
        block.attn.register_forward_hook(
            lambda _m, _i, out, path=path: keep(f"{path}.attention.weights", out[1])
        )
        block.attn.c_proj.register_forward_pre_hook(
            lambda _m, args, path=path: keep(f"{path}.attended", args[0])
        )
        output(block.attn.c_proj, f"{path}.attention.output")
        block.ln_2.register_forward_pre_hook(
            lambda _m, args, path=path: keep(f"{path}.residualMiddle", args[0])
        )
        output(block.ln_2, f"{path}.mlpNorm")
        output(block.mlp.act, f"{path}.mlp.hidden")
        output(block.mlp, f"{path}.mlp.output")
        output(block, f"{path}.residual")
    output(model.transformer.ln_f, "finalNorm")
    output(model.lm_head, "logits")
    return seen


def activation_gradients(seen: dict[str, torch.Tensor], heads: int) -> dict[str, torch.Tensor]:
    def by_head(x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(-1, (heads, -1)).transpose(1, 2)

    found = {}
    for name, x in seen.items():
        if name.endswith(".qkv"):
            for part, gradient in zip(("query", "key", "value"), x.grad.chunk(3, -1)):
                found[name.replace("qkv", f"attention.{part}")] = by_head(gradient)
        elif name.endswith(".attended"):
            found[name.replace("attended", "attention.attended")] = by_head(x.grad)
        else:
            found[name] = x.grad
    return {name: gradient.float().contiguous() for name, gradient in found.items()}


def save_activation_gradients(config: GPT2Config, tokens: torch.Tensor, targets: torch.Tensor, folder: Path) -> None:
    model = create_model(config).double()
    seen = watch(model)
    loss_of(model, tokens, targets).backward()
    save_file(activation_gradients(seen, config.n_head), folder / "activations.safetensors")
    model.zero_grad()
    # Of the first text only.
    logits = model(tokens[:1]).logits[0, DIFFERENCE["position"]]
    (logits[DIFFERENCE["answer"]] - logits[DIFFERENCE["against"]]).backward()
    found = activation_gradients(seen, config.n_head)
    of_weights = {our_name(n): our_layout(n, p.grad) for n, p in model.named_parameters()}
    save_file(
        {name: (found | of_weights)[name] for name in DIFFERENCE["of"]},
        folder / "difference.safetensors",
    )


def relative_error(found: torch.Tensor, exact: torch.Tensor) -> float:
    return ((found - exact).abs().max() / exact.abs().max()).item()


def learning_rate(step: int) -> float:
    if step < WARMUP_STEPS:
        return LEARNING_RATE * (step + 1) / (WARMUP_STEPS + 1)
    progress = (step - WARMUP_STEPS) / (NUM_STEPS - WARMUP_STEPS)
    share = (1 + math.cos(math.pi * progress)) / 2
    return MIN_LEARNING_RATE + share * (LEARNING_RATE - MIN_LEARNING_RATE)


def step_batch(step: int, batch: int, seq: int, vocab: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Texts in which every token is a function of its place."""
    places = torch.arange(batch * (seq + 1)).view(batch, seq + 1) + step * batch * (seq + 1)
    sequence = (places * places // 7 + places * 3) % vocab
    return sequence[:, :-1], sequence[:, 1:]


def train(model: GPT2LMHeadModel, batch: int, seq: int, vocab: int) -> list[float]:
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    groups = [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, **STEP_SETTINGS)
    losses = []
    for step in range(NUM_STEPS):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step)
        optimizer.zero_grad()
        loss = loss_of(model, *step_batch(step, batch, seq, vocab))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), GRADIENT_CLIP)
        optimizer.step()
        losses.append(loss.item())
    return losses


def main() -> None:
    torch.set_num_threads(1)
    for case, description in CASES.items():
        sizes = description["sizes"]
        config = GPT2Config(**sizes, bos_token_id=0, eos_token_id=0)
        folder = FOLDER / case
        folder.mkdir(parents=True, exist_ok=True)
        model = create_model(config)
        tokens, targets = make_batch(sizes, description["lengths"])
        _, rounded = gradients_of(model, tokens, targets)
        loss, exact = gradients_of(model.double(), tokens, targets)
        errors = [relative_error(rounded[name], gradient) for name, gradient in exact.items()]
        save_file(
            {our_name(name): our_layout(name, gradient) for name, gradient in exact.items()},
            folder / "gradients.safetensors",
        )
        record = {
            **SCALES,
            "loss": loss,
            "float32_error": max(errors),
            "tokens": tokens.tolist(),
            "targets": targets.tolist(),
        }
        if case == "tied":
            save_activation_gradients(config, tokens, targets, folder)
        if case == "steps":
            model = create_model(config)
            record["losses"] = train(model, *tokens.shape, sizes["vocab_size"])
            save_file(
                {our_name(n): our_layout(n, p.detach()) for n, p in model.named_parameters()},
                folder / "trained.safetensors",
            )
        (folder / "case.json").write_text(json.dumps(record) + "\n")
        config.save_pretrained(folder)


if __name__ == "__main__":
    main()
