"""Writes tests/fixtures/reference/variants.json: what Hugging Face transformers computes, in single precision, with the weights of
tests/fixtures/reference/hf_folder under configurations that differ from GPT-2's own.

    pip install torch==2.13.0 transformers
    python3 scripts/make_variant_reference.py
"""

import json
import shutil
import tempfile
from pathlib import Path

import torch
from transformers import GPT2LMHeadModel

FIXTURES = Path(__file__).parent.parent / "tests" / "fixtures" / "reference"
TOKENS = [5, 200, 17, 17, 3, 120, 64, 250]
VARIANTS = [
    {},
    {"activation_function": "gelu"},
    {"scale_attn_weights": False},
    {"scale_attn_by_inverse_layer_idx": True},
    {"scale_attn_weights": False, "scale_attn_by_inverse_layer_idx": True, "activation_function": "gelu_python"},
    {"reorder_and_upcast_attn": True, "scale_attn_by_inverse_layer_idx": True},
    {"layer_norm_epsilon": 0.0},
]


def last_logits(changes):
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(FIXTURES / "hf_folder" / "model.safetensors", folder)
        config = json.loads((FIXTURES / "hf_folder" / "config.json").read_text())
        (Path(folder) / "config.json").write_text(json.dumps({**config, **changes}))
        model = GPT2LMHeadModel.from_pretrained(folder, attn_implementation="eager").eval()
        with torch.no_grad():
            return model(torch.tensor([TOKENS])).logits[0, -1, :16].tolist()


variants = [{"config": changes, "logits": last_logits(changes)} for changes in VARIANTS]
text = json.dumps({"tokens": TOKENS, "variants": variants}, indent=1)
(FIXTURES / "variants.json").write_text(text + "\n")
