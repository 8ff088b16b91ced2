"""Makes the reference values of tests/generation/token_rules_test.ts and tests/generation/beam_search_test.ts.

    python scripts/make_generation_reference.py

Needs torch and transformers (5.x). The model is the one of tests/fixtures/reference/tiny: its weights are a function of
their names. What Hugging Face's `generate()` gives is kept only if the same model in float64 gives the same tokens, so that
nothing hinges on rounding.
"""

import copy
import json
from pathlib import Path

import torch
from transformers import GPT2Config

from reference.weights import SCALES, create_generated_model

FIXTURES = Path(__file__).parent.parent / "tests" / "fixtures"
SCORE_TOLERANCE = 1e-4

# Ours to theirs.
NAMES = {
    "maxNewTokens": "max_new_tokens",
    "badWords": "bad_words_ids",
    "suppressTokens": "suppress_tokens",
    "minNewTokens": "min_new_tokens",
    "repetitionPenalty": "repetition_penalty",
    "noRepeatNgramSize": "no_repeat_ngram_size",
    "numBeams": "num_beams",
    "lengthPenalty": "length_penalty",
    "earlyStopping": "early_stopping",
    "numReturnSequences": "num_return_sequences",
}

PROMPT = [141, 153, 226, 285, 10, 43, 246, 284]
SHORT = [5, 6, 7]
# Greedy decoding of PROMPT writes 187 187 187 187 212 212 212 187 187 212 206 23 ...
RULES = [
    {"options": {"badWords": [[187]]}},
    {"options": {"badWords": [[187, 187], [212, 212, 187]]}},
    {"options": {"badWords": [[284, 187], [187, 212, 212]]}},
    {"options": {"suppressTokens": [187, 212, 206]}},
    {"options": {"suppressTokens": [187], "badWords": [[212, 212]], "noRepeatNgramSize": 3}},
    {"options": {}, "end": [212]},
    {"options": {"minNewTokens": 9}, "end": [212]},
    {"options": {"minNewTokens": 5}, "end": [212, 206]},
    {"options": {"minNewTokens": 3, "repetitionPenalty": 1.3}, "end": [187, 206]},
    # A bad word that is an end token counts for nothing.
    {"options": {"badWords": [[212], [187]]}, "end": [212]},
    {"options": {"forcedStart": [17, 212, 3]}},
    {"options": {"forcedStart": [17, 187], "badWords": [[187, 187]], "minNewTokens": 4}, "end": [212]},
]

BEAMS = [
    {"options": {"numBeams": 2}},
    {"options": {"numBeams": 4, "numReturnSequences": 4}},
    {"options": {"numBeams": 5, "numReturnSequences": 3, "maxNewTokens": 24}},
    {"options": {"numBeams": 7, "numReturnSequences": 7, "lengthPenalty": 0.0}, "end": [187, 80]},
    {"options": {"numBeams": 4, "numReturnSequences": 4}, "end": [212]},
    {"options": {"numBeams": 4, "numReturnSequences": 4}, "end": [187]},
    *[
        {
            "options": {
                "numBeams": 3,
                "numReturnSequences": 3,
                "maxNewTokens": 20,
                "lengthPenalty": penalty,
                "earlyStopping": early,
            },
            "end": [86, 212],
        }
        for early in (True, False, "never")
        for penalty in (-1.0, 0.0, 0.6, 1.0, 2.0)
    ],
    {"options": {"numBeams": 3, "numReturnSequences": 2, "repetitionPenalty": 1.4}},
    {"options": {"numBeams": 3, "numReturnSequences": 2, "noRepeatNgramSize": 2, "maxNewTokens": 30}},
    {"options": {"numBeams": 3, "numReturnSequences": 3, "badWords": [[187], [212, 212]], "suppressTokens": [8]}},
    {"options": {"numBeams": 3, "numReturnSequences": 3, "minNewTokens": 6}, "end": [187, 212, 206]},
    {
        "options": {"numBeams": 4, "numReturnSequences": 4, "earlyStopping": True, "repetitionPenalty": 1.2},
        "prompts": [PROMPT, SHORT],
        "end": [86, 212],
    },
    {
        "options": {"numBeams": 3, "numReturnSequences": 2, "minNewTokens": 2, "maxNewTokens": 16},
        "prompts": [SHORT, PROMPT],
        "end": [187],
    },
    # As long as the context allows.
    {"options": {"numBeams": 3, "numReturnSequences": 3}, "prompts": [[i % 300 for i in range(248)]], "end": [86]},
    {
        "options": {"numBeams": 3, "numReturnSequences": 3, "forcedStart": [17]},
        "prompts": [[284]],
        "end": [86],
    },
]


def arguments_of(entry):
    """What `generate()` of Hugging Face is given."""
    options = entry["options"]
    prompts = entry["prompts"]
    arguments = {NAMES[name]: value for name, value in options.items() if name in NAMES}
    longest = max(len(prompt) for prompt in prompts)
    tokens = [[0] * (longest - len(prompt)) + prompt for prompt in prompts]
    mask = [[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    forced = options.get("forcedStart")
    if forced is not None and longest == 1:
        arguments["forced_bos_token_id"] = forced[0]
    elif forced is not None:
        # Where other rules forbid what is forced, this would leave nothing: there is no such case.
        def allowed(_batch, ids):
            index = len(ids) - longest
            return [forced[index]] if index < len(forced) else list(range(300))

        arguments["prefix_allowed_tokens_fn"] = allowed
    return arguments | {
        "input_ids": torch.tensor(tokens),
        "attention_mask": torch.tensor(mask),
        "eos_token_id": entry.get("end") or None,
        "pad_token_id": 0,
        "do_sample": False,
        "return_dict_in_generate": True,
        "output_scores": True,
        "output_logits": True,
    }


@torch.no_grad()
def generate(model, entry):
    """New tokens of each sequence, up to the end token, and the scores where there are any."""
    output = model.generate(**arguments_of(entry))
    longest = max(len(prompt) for prompt in entry["prompts"])
    end = set(entry.get("end", ()))
    sequences = []
    for row in output.sequences[:, longest:].tolist():
        ends = [i for i, id in enumerate(row) if id in end]
        sequences.append(row[: ends[0] + 1] if ends else row)
    scores = output.sequences_scores.tolist() if "sequences_scores" in output else None
    return sequences, scores


def make(model, entries):
    exact = copy.deepcopy(model).double()
    model.generation_config.eos_token_id = exact.generation_config.eos_token_id = None
    made = []
    for entry in entries:
        entry = {"prompts": [PROMPT], **entry}
        entry["options"] = {"maxNewTokens": 12, **entry["options"]}
        if len(entry["prompts"][0]) == 248:
            entry["options"]["maxNewTokens"] = 9
        sequences, scores = generate(model, entry)
        exact_sequences, exact_scores = generate(exact, entry)
        if sequences != exact_sequences:
            raise ValueError(f"This hinges on rounding: {entry}")
        if scores is not None:
            assert max(abs(a - b) for a, b in zip(scores, exact_scores)) < SCORE_TOLERANCE
            gaps = [abs(a - b) for a, b in zip(scores, scores[1:])]
            assert not gaps or min(gaps) > 1e-5, (gaps, entry)
        if len(entry["prompts"][0]) == 248:
            del entry["options"]["maxNewTokens"]
        made.append({**entry, "sequences": sequences, **({"scores": scores} if scores else {})})
    return made


def write(name, cases):
    path = FIXTURES / "generation" / name
    path.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    config = GPT2Config.from_json_file(FIXTURES / "reference" / "tiny" / "config.json")
    tiny = create_generated_model(config, SCALES)
    write("token_rules.json", make(tiny, RULES))
    write("beam_search.json", make(tiny, BEAMS))
