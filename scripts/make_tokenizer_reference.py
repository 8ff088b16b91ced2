"""Writes tests/fixtures/tokenizer/huggingface.json: what Hugging Face's tokenizers make of texts on which implementations of
GPT-2's tokenizer differ, and of texts with added tokens.

    pip install tokenizers==0.23.3
    deno eval 'import { Tokenizer } from "./mod.ts"; const t = await Tokenizer.gpt2();
        Deno.writeTextFileSync("vocab.json", t.toVocabJson()); Deno.writeTextFileSync("merges.txt", t.toMergesText());'
    python3 scripts/make_tokenizer_reference.py vocab.json merges.txt
"""

import json
import random
import sys
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

FIXTURES = Path(__file__).parent.parent / "tests" / "fixtures"
SPACES = ["\u0085", "\ufeff", " ", "  ", "\n", "\u00a0", "\u180e", "\u200b", "\u2028", "\u3000", "\u001c", "\u001f", "\t"]
WORDS = ["a", "'s", "'ve", "x1", "é", "!", "文", "👩"]


# Letters, digits, marks and others, most of them beyond U+FFFF, where a character is two code units in JavaScript.
CHARACTERS = [0x10400, 0x1D400, 0x20BB7, 0x1D7CE, 0x104A0, 0x11000, 0xE0100, 0x1F130, 0x1F1E6, 0x1F600, 0x1F3FB, 0x10FFFF, 0xE0001,
              0x10000, 0xFFFD, 0x301, 0x200D, 0x203F, 0xB2, 0x663, 0x2177]


def byte_level(vocab, merges):
    tokenizer = Tokenizer(models.BPE.from_file(str(vocab), str(merges)))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return tokenizer


def spaced_text(rng):
    return "".join(rng.choice(SPACES if rng.random() < 0.5 else WORDS) for _ in range(rng.randint(1, 12)))


def added_case(rng):
    """A few tokens that overlap, with and without flags, and texts made of their parts."""
    pieces = ["a", "ab", "b", "<s>", "é", " ", "\n", "ba", "_", "9"]
    contents = sorted({"".join(rng.choice(pieces) for _ in range(rng.randint(1, 4))).strip() for _ in range(5)} - {""})
    tokenizer = byte_level(FIXTURES / "reference/hf_folder/vocab.json", FIXTURES / "reference/hf_folder/merges.txt")
    # Some are entries of the vocabulary already: "a" is a byte, and others are made by merges.
    merged = sorted(token for token in tokenizer.get_vocab() if len(token) == 2 and token.isascii())
    contents = sorted({*contents, rng.choice(merged)})
    tokens = []
    for content in contents:
        token = {
            "content": content,
            "special": rng.random() < 0.3,
            "lstrip": rng.random() < 0.3,
            "rstrip": rng.random() < 0.3,
            "single_word": rng.random() < 0.3,
            "normalized": rng.random() < 0.3,
        }
        added = AddedToken(**token)
        (tokenizer.add_special_tokens if token["special"] else tokenizer.add_tokens)([added])
        tokens.append({**token, "id": tokenizer.token_to_id(content)})
    words = contents + pieces + ["  ", "x"]
    texts = ["".join(rng.choice(words) for _ in range(rng.randint(1, 9))) for _ in range(12)]
    return {"tokens": tokens, "texts": [[text, tokenizer.encode(text).ids] for text in texts]}


def case_of(tokens, texts):
    tokenizer = byte_level(FIXTURES / "reference/hf_folder/vocab.json", FIXTURES / "reference/hf_folder/merges.txt")
    for token in tokens:
        (tokenizer.add_special_tokens if token["special"] else tokenizer.add_tokens)([AddedToken(**token)])
    known = [{**token, "id": tokenizer.token_to_id(token["content"])} for token in tokens]
    return {"tokens": known, "texts": [[text, tokenizer.encode(text).ids] for text in texts]}


def white_space_case(rng):
    """Tokens that are white space themselves, which others, or they themselves, swallow."""
    contents = sorted({"".join(rng.choice("\n  xa") for _ in range(rng.randint(1, 2))) for _ in range(rng.randint(1, 3))})
    tokens = [
        {
            "content": content,
            "special": rng.random() < 0.3,
            # tokenizers panics where white space of two characters is swallowed, and then begins what swallows it.
            "lstrip": rng.random() < 0.6 and (rstrip or len(contents) == 1),
            "rstrip": rstrip,
            "single_word": False,
            "normalized": rng.random() < 0.3,
        }
        for content in contents
        for rstrip in [rng.random() < 0.6]
    ]
    words = contents + ["\n", "\n", " ", " ", "x", "a", "b"]
    return case_of(tokens, ["".join(rng.choice(words) for _ in range(rng.randint(1, 9))) for _ in range(8)])


def word_case():
    """Beside which characters a token stands that is a word of its own."""
    token = {"content": "<w>", "special": False, "single_word": True, "lstrip": False, "rstrip": False, "normalized": False}
    texts = [text for code in CHARACTERS for c in [chr(code)] for text in [c + "<w>", "<w>" + c, "b" + c + "<w>" + c + " b"]]
    return case_of([token], texts)


rng = random.Random(1)
gpt2 = byte_level(sys.argv[1], sys.argv[2])
texts = sorted({spaced_text(rng) for _ in range(160)})
result = {
    "spaces": [[text, gpt2.encode(text).ids] for text in texts],
    "added": [added_case(rng) for _ in range(40)] + [white_space_case(rng) for _ in range(30)] + [word_case()],
}
(FIXTURES / "tokenizer" / "huggingface.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")
