"""Train the bundled `demo` model: a small Hugging Face GPT-2 on tiny Shakespeare.

    python scripts/train_demo.py tinyshakespeare.txt --out demo

The folder holds what `save_pretrained` writes (config.json, model.safetensors in F32), the
tokenizer in both forms (tokenizer.json; vocab.json + merges.txt) and `training.json`, which says
how it went.

Tokenizer: byte-level BPE with GPT-2's pre-tokenization, learned on the training split. Ids are laid
out as GPT-2's: the 256 bytes in GPT-2's byte order, the merges in order, `<|endoftext|>` last.

Data: the first 90 % of the characters are for training, the rest is for validation. Training text
gets an `<|endoftext|>` between every 30 to 40 speeches (drawn again each epoch), and a share of the
windows begins at one, so that an empty prompt yields the start of a speech.

Validation loss: the raw validation text (no separators) is encoded as one piece and cut into
non-overlapping windows. Window k reads tokens [k*context, (k+1)*context) and predicts
[k*context + 1, (k+1)*context + 1); an incomplete last window is dropped. The loss is the mean over
all predicted tokens, in nats, in float32. Bits per character divides the summed loss by the number
of characters of the predicted tokens.

Requires torch, transformers, tokenizers and safetensors.
"""

import argparse
import json
import math
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from tokenizers import ByteLevelBPETokenizer
from tokenizers.pre_tokenizers import ByteLevel
from torch.nn.functional import cross_entropy
from transformers import GPT2Config, GPT2LMHeadModel

END_OF_TEXT = "<|endoftext|>"
NUM_BYTES = 256
TRAIN_SHARE = 0.9
SPEECHES_PER_DOCUMENT = (30, 40)
ROWS_AT_SEPARATOR = 2  # of each batch


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the result, apart from the text itself."""

    vocab_size: int = 1024
    context_length: int = 256
    embedding_dim: int = 256
    num_heads: int = 4
    num_layers: int = 4
    dropout: float = 0.15
    batch_size: int = 16
    num_steps: int = 1600
    warmup_steps: int = 100
    learning_rate: float = 1.5e-3
    min_learning_rate: float = 3e-5
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.99)
    gradient_clip: float = 1.0
    seed: int = 1


# Tokenizer ------------------------------------------------------------------------------------


def train_tokenizer(text: str, vocab_size: int) -> ByteLevelBPETokenizer:
    """Learn a vocabulary of `vocab_size` entries, `<|endoftext|>` being the last."""
    trainer = ByteLevelBPETokenizer(add_prefix_space=False)
    trainer.train_from_iterator(
        [text], vocab_size=vocab_size - 1, min_frequency=2, show_progress=False
    )
    model = json.loads(trainer.to_str())["model"]
    merges = [tuple(pair) for pair in model["merges"]]
    vocab = model["vocab"] | {END_OF_TEXT: len(model["vocab"])}
    check_gpt2_layout(vocab, merges, vocab_size)
    tokenizer = ByteLevelBPETokenizer(vocab, merges, add_prefix_space=False)
    tokenizer.add_special_tokens([END_OF_TEXT])
    return tokenizer


def check_gpt2_layout(
    vocab: dict[str, int], merges: list[tuple[str, str]], vocab_size: int
) -> None:
    """Fail unless ids are: bytes in GPT-2's order, one id for each merge in order, end of text."""
    pieces = sorted(vocab, key=vocab.get)
    alphabet, rest = pieces[:NUM_BYTES], pieces[NUM_BYTES:]
    # GPT-2 maps bytes to characters so that its byte order is the order of the code points.
    if alphabet != sorted(ByteLevel.alphabet()):
        raise ValueError("The vocabulary does not begin with the bytes in GPT-2's order.")
    if rest != ["".join(pair) for pair in merges] + [END_OF_TEXT]:
        raise ValueError("The vocabulary does not have one entry for each merge, in order.")
    if len(pieces) != vocab_size:
        raise ValueError(f"The vocabulary has {len(pieces)} entries: the text is too short.")


def save_tokenizer(tokenizer: ByteLevelBPETokenizer, folder: Path) -> None:
    """Write both forms, tokenizer.json and vocab.json + merges.txt, and tokenizer_config.json."""
    tokenizer.save(str(folder / "tokenizer.json"))
    tokenizer.save_model(str(folder))
    settings = {
        "tokenizer_class": "GPT2Tokenizer",
        "add_prefix_space": False,
        "bos_token": END_OF_TEXT,
        "eos_token": END_OF_TEXT,
        "unk_token": END_OF_TEXT,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")


# Data -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Corpus:
    """The text as tokens, in its two splits, and the tokenizer learned from the first."""

    tokenizer: ByteLevelBPETokenizer
    training: torch.Tensor
    validation: torch.Tensor


def prepare(text: str, vocab_size: int) -> Corpus:
    """Split the text by characters and encode both parts."""
    split = int(TRAIN_SHARE * len(text))
    tokenizer = train_tokenizer(text[:split], vocab_size)
    training, validation = (
        torch.tensor(tokenizer.encode(part).ids) for part in (text[:split], text[split:])
    )
    return Corpus(tokenizer, training, validation)


def validation_windows(tokens: torch.Tensor, context: int) -> tuple[torch.Tensor, torch.Tensor]:
    """All complete windows (inputs, targets), each of shape (windows, context)."""
    end = (len(tokens) - 1) // context * context
    return tokens[:end].view(-1, context), tokens[1 : end + 1].view(-1, context)


def speech_starts(tokens: torch.Tensor, newline: int) -> list[int]:
    """Positions that follow a blank line."""
    is_newline = tokens == newline
    return (torch.nonzero(is_newline[:-1] & is_newline[1:]).flatten() + 2).tolist()


def with_separators(
    tokens: torch.Tensor, starts: list[int], separator: int, rng: torch.Generator
) -> torch.Tensor:
    """The tokens with a separator at the front and between every few speeches."""
    low, high = SPEECHES_PER_DOCUMENT
    parts, begin, speech = [], 0, 0
    mark = torch.tensor([separator])
    while begin < len(tokens):
        speech += int(torch.randint(low, high + 1, (), generator=rng))
        end = starts[speech] if speech < len(starts) else len(tokens)
        parts += [mark, tokens[begin:end]]
        begin = end
    return torch.cat(parts)


def training_batches(corpus: Corpus, recipe: Recipe) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Endless random windows (inputs, targets), each of shape (batch, context)."""
    separator = corpus.tokenizer.token_to_id(END_OF_TEXT)
    starts = speech_starts(corpus.training, corpus.tokenizer.token_to_id("Ċ"))
    rng = torch.Generator().manual_seed(recipe.seed)
    batch, context = recipe.batch_size, recipe.context_length
    while True:
        stream = with_separators(corpus.training, starts, separator, rng)
        separators = torch.nonzero(stream[: -context - 1] == separator).flatten()
        for _ in range(len(stream) // (batch * context)):
            at = torch.randint(len(stream) - context, (batch,), generator=rng)
            chosen = torch.randint(len(separators), (ROWS_AT_SEPARATOR,), generator=rng)
            at[:ROWS_AT_SEPARATOR] = separators[chosen]
            windows = stream[at[:, None] + torch.arange(context + 1)]
            yield windows[:, :-1], windows[:, 1:]


# Model ----------------------------------------------------------------------------------------


def create_model(recipe: Recipe) -> GPT2LMHeadModel:
    """A freshly initialized model; the saved config has GPT-2's dropout, not the recipe's."""
    torch.manual_seed(recipe.seed)
    config = GPT2Config(
        vocab_size=recipe.vocab_size,
        n_positions=recipe.context_length,
        n_embd=recipe.embedding_dim,
        n_layer=recipe.num_layers,
        n_head=recipe.num_heads,
        bos_token_id=recipe.vocab_size - 1,
        eos_token_id=recipe.vocab_size - 1,
    )
    model = GPT2LMHeadModel(config)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = recipe.dropout
    return model


def create_optimizer(model: GPT2LMHeadModel, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW that decays matrices and embeddings, not biases and norms."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=recipe.betas, fused=True)


def schedule(num_steps: int, max_minutes: float) -> Iterator[float]:
    """For each step, the share of the training done by its end; 1 at the last one."""
    begin = time.monotonic()
    for step in range(num_steps):
        elapsed_share = (time.monotonic() - begin) / 60 / max_minutes
        progress = min(1.0, max((step + 1) / num_steps, elapsed_share))
        yield progress
        if progress == 1.0:
            return


def learning_rate_at(step: int, progress: float, recipe: Recipe) -> float:
    """Linear warm-up times half a cosine over `progress` from 0 to 1."""
    warmup = min(1.0, step / recipe.warmup_steps)
    cosine = 0.5 * (1.0 + math.cos(math.pi * progress))
    span = recipe.learning_rate - recipe.min_learning_rate
    return warmup * (recipe.min_learning_rate + span * cosine)


def train_step(model, optimizer, inputs, targets, autocast: bool, clip: float) -> float:
    """One update; returns the loss of the batch."""
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        logits = model(inputs, use_cache=False).logits
    loss = cross_entropy(logits.float().flatten(0, 1), targets.flatten())
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimizer.step()
    return loss.item()


@torch.no_grad()
def validation_loss(model: GPT2LMHeadModel, tokens: torch.Tensor, context: int) -> float:
    """Mean nats per token over non-overlapping windows (see the protocol at the top)."""
    model.eval()
    inputs, targets = validation_windows(tokens, context)
    total = 0.0
    for rows, wanted in zip(inputs.split(16), targets.split(16), strict=True):
        logits = model(rows, use_cache=False).logits
        total += cross_entropy(logits.flatten(0, 1), wanted.flatten(), reduction="sum").item()
    model.train()
    return total / targets.numel()


@torch.no_grad()
def sample(model: GPT2LMHeadModel, tokenizer: ByteLevelBPETokenizer, seed: int) -> str:
    """Text from the empty prompt at temperature 0.8, top-k 40."""
    end = tokenizer.token_to_id(END_OF_TEXT)
    start = torch.tensor([[end]])
    model.eval()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        ids = model.generate(
            start,
            attention_mask=torch.ones_like(start),
            do_sample=True,
            temperature=0.8,
            top_k=40,
            max_length=model.config.n_positions,
            pad_token_id=end,
        )
    model.train()
    return tokenizer.decode(ids[0, 1:].tolist())


# Saving ---------------------------------------------------------------------------------------


def describe(model: GPT2LMHeadModel, corpus: Corpus, recipe: Recipe, loss: float) -> dict:
    """What `training.json` says of a checkpoint."""
    _, targets = validation_windows(corpus.validation, recipe.context_length)
    num_characters = len(corpus.tokenizer.decode(targets.flatten().tolist()))
    characters_per_token = num_characters / targets.numel()
    return {
        "validation_loss": loss,
        "validation_bits_per_character": loss / math.log(2) / characters_per_token,
        "validation_characters_per_token": characters_per_token,
        "validation_windows": len(targets),
        "validation_window_tokens": recipe.context_length,
        "parameters": model.num_parameters(),
        "recipe": asdict(recipe),
        "sample": sample(model, corpus.tokenizer, recipe.seed),
    }


def save(model: GPT2LMHeadModel, corpus: Corpus, report: dict, out: Path) -> None:
    """Write the whole folder under a temporary name, then put it in the place of `out`."""
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    folder.chmod(0o755)
    model.save_pretrained(folder)
    save_tokenizer(corpus.tokenizer, folder)
    write_report(report, folder)
    for file in folder.iterdir():
        file.chmod(0o644)
    old = folder.with_name(folder.name + "-old")
    if out.exists():
        os.rename(out, old)
    os.rename(folder, out)
    shutil.rmtree(old, ignore_errors=True)


def write_report(report: dict, folder: Path) -> None:
    """Write training.json."""
    (folder / "training.json").write_text(json.dumps(report, indent=2) + "\n")


# Putting it together --------------------------------------------------------------------------


def train(text: str, recipe: Recipe, options: argparse.Namespace) -> None:
    """Train, keep the checkpoint with the best validation loss, and report."""
    begin = time.monotonic()
    corpus = prepare(text, recipe.vocab_size)
    model = create_model(recipe).train()
    optimizer = create_optimizer(model, recipe)
    batches = training_batches(corpus, recipe)
    report, history, losses = {"validation_loss": math.inf}, [], []
    for step, progress in enumerate(schedule(recipe.num_steps, options.max_minutes), start=1):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate_at(step, progress, recipe)
        inputs, targets = next(batches)
        losses.append(
            train_step(model, optimizer, inputs, targets, options.bf16, recipe.gradient_clip)
        )
        if step % options.evaluate_every != 0 and progress < 1.0:
            continue
        loss = validation_loss(model, corpus.validation, recipe.context_length)
        entry = {
            "step": step,
            "minutes": round((time.monotonic() - begin) / 60, 2),
            "training_loss": round(sum(losses) / len(losses), 4),
            "validation_loss": round(loss, 5),
        }
        print(json.dumps(entry), flush=True)
        history.append(entry)
        losses.clear()
        if loss < report["validation_loss"]:
            report = describe(model, corpus, recipe, loss)
            report |= {"saved_at_step": step, "bf16_autocast": options.bf16}
            save(model, corpus, report | {"history": history}, options.out)
    write_report(report | {"history": history}, options.out)
    print(json.dumps(report, indent=2))


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("text", type=Path, help="tiny Shakespeare as one text file")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--steps", type=int, default=Recipe.num_steps, help="number of updates")
    parser.add_argument("--evaluate-every", type=int, default=100, help="in steps")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--bf16", action=argparse.BooleanOptionalAction, default=True, help="bfloat16 autocast"
    )
    parser.add_argument(
        "--max-minutes",
        type=float,
        default=30.0,
        help="where this is too short for all steps, the schedule is shortened to end by then",
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    text = options.text.read_text(encoding="utf-8")
    train(text, Recipe(num_steps=options.steps), options)


if __name__ == "__main__":
    main()
