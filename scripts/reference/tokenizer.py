"""Byte-level BPE with GPT-2's pre-tokenization, as the library `tokenizers` learns and saves it."""

import json
from pathlib import Path

from tokenizers import ByteLevelBPETokenizer
from tokenizers.pre_tokenizers import ByteLevel

END_OF_TEXT = "<|endoftext|>"
NUM_BYTES = 256


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
