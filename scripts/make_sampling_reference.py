"""Makes the reference values of tests/generation/sampling/sampler_test.ts and tests/base/random_test.ts.

    python scripts/make_sampling_reference.py

Needs torch and transformers (5.x). The sampling reference is what the processors of Hugging Face transformers do, in the
order in which `generate(do_sample=True)` chains them. The random numbers come from a second implementation of the
generator, written from its published description.
"""

import json
from pathlib import Path

import torch
from transformers import GenerationConfig, GPT2Config, GPT2LMHeadModel

FOLDER = Path(__file__).parent.parent / "tests" / "fixtures" / "sampling"

# Ours to theirs. `logitBias` is `sequence_bias` with sequences of one token.
NAMES = {
    "temperature": "temperature",
    "topK": "top_k",
    "topP": "top_p",
    "minP": "min_p",
    "typicalP": "typical_p",
    "repetitionPenalty": "repetition_penalty",
    "noRepeatNgramSize": "no_repeat_ngram_size",
}

OPTIONS = [
    {},
    {"temperature": 0.7},
    {"temperature": 2.5},
    {"topK": 1},
    {"topK": 5},
    {"topK": 1000},
    {"topP": 0.3},
    {"topP": 0.9},
    {"topP": 0.999},
    {"minP": 0.02},
    {"minP": 0.4},
    {"minP": 1.0},
    {"typicalP": 0.2},
    {"typicalP": 0.9},
    {"repetitionPenalty": 1.7},
    {"repetitionPenalty": 0.6},
    {"noRepeatNgramSize": 1},
    {"noRepeatNgramSize": 2},
    {"noRepeatNgramSize": 3},
    {"logitBias": {"0": 2.5, "2": -4.0}},
    {"temperature": 0.6, "topK": 20, "topP": 0.8},
    {"temperature": 1.8, "topP": 0.8},
    {"temperature": 1.8, "minP": 0.1},
    {"temperature": 1.8, "typicalP": 0.7},
    {"topK": 8, "typicalP": 0.7},
    {"topP": 0.95, "minP": 0.05, "typicalP": 0.9},
    {
        "temperature": 1.3,
        "topK": 30,
        "topP": 0.95,
        "minP": 0.02,
        "typicalP": 0.95,
        "repetitionPenalty": 1.2,
        "noRepeatNgramSize": 2,
        "logitBias": {"1": 1.5},
    },
]


def make_inputs():
    """Logits with a history each. Few decimals keep the file small, and are the same numbers in 32-bit floats."""
    generator = torch.Generator().manual_seed(1)

    def normal(size, deviation, decimals=3):
        values = torch.randn(size, generator=generator) * deviation
        return [round(value, decimals) for value in values.tolist()]

    history = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 1]
    with_bans = normal(24, 2.0)
    for id in (0, 7, 8, 23):
        with_bans[id] = float("-inf")
    return [
        {"name": "peaked", "logits": normal(96, 3.0), "history": history},
        {"name": "flat", "logits": normal(96, 0.4), "history": history},
        {"name": "ties", "logits": normal(64, 1.0, decimals=0), "history": history},
        {"name": "all equal", "logits": [1.5] * 20, "history": [3, 2]},
        {"name": "far from 0", "logits": [round(x - 90, 3) for x in normal(48, 2.0)], "history": history},
        {"name": "bans", "logits": with_bans, "history": [2, 5, 2, 5, 2]},
        {"name": "tiny", "logits": [0.5, -1.0, 0.25, 2.0], "history": [3, 2]},
        {"name": "few ties", "logits": [0.0, 1.0, 2.0, 1.0, 2.0, 0.0, 1.0, 2.0, 2.0, 1.0], "history": [3, 2]},
    ]


def distribution(model, entry, options):
    """The tokens that can be drawn and their probabilities."""
    arguments = {NAMES[name]: value for name, value in options.items() if name in NAMES}
    if "logitBias" in options:
        arguments["sequence_bias"] = {(int(id),): bias for id, bias in options["logitBias"].items()}
    arguments.setdefault("top_k", 0)
    config = GenerationConfig(do_sample=True, num_beams=1, **arguments)
    history = torch.tensor([entry["history"]])
    processors = model._get_logits_processor(config, input_ids_seq_length=history.shape[1])
    scores = processors(history, torch.tensor([entry["logits"]]))
    probabilities = torch.softmax(scores.double(), dim=-1)[0]
    # Our sampler gives what is 40 nats below the best no probability at all.
    kept = torch.nonzero(scores[0] > scores.max() - 40).flatten().tolist()
    return {"ids": kept, "probabilities": [float(f"{probabilities[id]:.6g}") for id in kept]}


torch_sort = torch.sort


def stable_sort(*arguments, **named):
    """
    Top-p drops the tokens that come first in ascending order. Which of several equal logits those are, torch's sort leaves
    open: it is stable on GPUs, but on processors with AVX only for up to 16 values. This is what it does where it is.
    """
    return torch_sort(*arguments, stable=True, **named)


def make_sampling():
    config = GPT2Config(
        vocab_size=96, n_layer=1, n_head=1, n_embd=4, n_positions=32, bos_token_id=0, eos_token_id=0
    )
    model = GPT2LMHeadModel(config)
    inputs = make_inputs()
    cases = []
    for index, entry in enumerate(inputs):
        for options in OPTIONS:
            torch.sort = stable_sort
            result = distribution(model, entry, options)
            torch.sort = torch_sort
            assert len(entry["logits"]) > 16 or result == distribution(model, entry, options)
            cases.append({"input": index, "options": options, **result})
    defaults = GenerationConfig()._get_default_generation_params()
    theirs = {ours: defaults[name] for ours, name in NAMES.items() if name in defaults}
    for entry in inputs:
        entry["logits"] = [None if logit == float("-inf") else logit for logit in entry["logits"]]
    return {"defaults": theirs, "inputs": inputs, "cases": cases}


MASK = 0xFFFFFFFF


def mix(bits):
    """The finalizer of MurmurHash3."""
    bits &= MASK
    bits = (bits ^ (bits >> 16)) * 0x85EBCA6B & MASK
    bits = (bits ^ (bits >> 13)) * 0xC2B2AE35 & MASK
    return bits ^ (bits >> 16)


def state_from_key(low, high):
    words = [mix(low ^ mix(high + index * 0x9E3779B9)) ^ mix(high ^ index) for index in (1, 2, 3, 4)]
    words[3] |= 1
    return words


def fork(seed, index):
    """The seed of a forked generator."""
    low, high = seed & MASK, (seed >> 32) & MASK
    words = state_from_key(low ^ mix(~index), high ^ mix(index))
    return words[1] >> 11 << 32 | words[0]


def rotate_left(bits, count):
    return (bits << count | bits >> (32 - count)) & MASK


def xoshiro128starstar(state, count):
    """The first outputs, after https://prng.di.unimi.it/xoshiro128starstar.c"""
    s = list(state)
    outputs = []
    for _ in range(count):
        outputs.append(rotate_left(s[1] * 5 & MASK, 7) * 9 & MASK)
        shifted = s[1] << 9 & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= shifted
        s[3] = rotate_left(s[3], 11)
    return outputs


def make_random():
    # What the authors' C code gives for this state.
    assert xoshiro128starstar([1, 2, 3, 4], 6) == [11520, 0, 5927040, 70819200, 2031721883, 1637235492]
    streams = []
    for seed in (0, 1, 2, 42, -1, 2**32, 2**53 - 1, -(2**53 - 1)):
        forked = fork(seed, 7)
        streams.append({
            "seed": seed,
            "outputs": xoshiro128starstar(state_from_key(seed & MASK, (seed >> 32) & MASK), 6),
            "outputsOfFork7": xoshiro128starstar(state_from_key(forked & MASK, forked >> 32), 3),
        })
    return streams


def write(name, value):
    path = FOLDER / name
    path.write_text(json.dumps(value, separators=(",", ":")) + "\n")
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    write("huggingface.json", make_sampling())
    write("random.json", make_random())
