"""Make tests/fixtures/adapters: what Hugging Face's PEFT and llama.cpp's gguf package write, and
what PEFT computes with it.

    python scripts/make_adapter_reference.py

The model is tests/fixtures/reference/hf_folder, in float32 on the CPU. The adapters' matrices are
drawn at random, `lora_B` too, so that they change something:

    plain       rank 4, alpha 8, all four projections
    patterns    rank-stabilized, with ranks and alphas of their own for some modules
    single      float16, only one projection of one block
    plain.gguf  the matrices of `plain`, as llama.cpp's convert_lora_to_gguf.py writes them

expected.json has the logits after the last of some tokens: with none, with each, with the first two
together, and with one by half.

Requires torch, transformers, peft 0.21 and gguf.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import torch
from gguf import GGUFWriter
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import GPT2LMHeadModel

FIXTURES = Path(__file__).parents[1] / "tests" / "fixtures"
BASE = FIXTURES / "reference" / "hf_folder"
OUT = FIXTURES / "adapters"
TOKENS = [11, 25, 40, 3, 58, 200, 7]
ALL = ["c_attn", "attn.c_proj", "c_fc", "mlp.c_proj"]

CASES = {
    "plain": LoraConfig(r=4, lora_alpha=8, target_modules=ALL),
    "patterns": LoraConfig(
        r=3,
        lora_alpha=6,
        target_modules=["c_attn", "c_fc"],
        use_rslora=True,
        rank_pattern={"h.1.attn.c_attn": 5, "^transformer.h.0.mlp.c_fc": 2},
        alpha_pattern={"c_fc": 9},
    ),
    "single": LoraConfig(r=2, lora_alpha=2, target_modules=["c_proj"], layers_to_transform=[1]),
}
GGUF_NAMES = {
    "attn.c_attn": "attn_qkv",
    "attn.c_proj": "attn_output",
    "mlp.c_fc": "ffn_up",
    "mlp.c_proj": "ffn_down",
}


def base() -> GPT2LMHeadModel:
    return GPT2LMHeadModel.from_pretrained(BASE, dtype=torch.float32).eval()


def write_adapter(name: str, config: LoraConfig) -> None:
    config.task_type = "CAUSAL_LM"
    torch.manual_seed(len(name))
    model = get_peft_model(base(), config)
    for key, value in model.named_parameters():
        if ".lora_B." in key:
            torch.nn.init.normal_(value, std=0.2)
    if name == "single":
        model.half()
    for config in model.peft_config.values():
        config.base_model_name_or_path = "tests/fixtures/reference/hf_folder"  # not that of this machine
    model.save_pretrained(OUT / name)
    (OUT / name / "README.md").unlink(missing_ok=True)


def write_gguf() -> None:
    writer = GGUFWriter(OUT / "plain.gguf", "gpt2")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 8.0)
    for name, value in load_file(OUT / "plain" / "adapter_model.safetensors").items():
        parts = name.removeprefix("base_model.model.transformer.h.").split(".")
        side = "lora_a" if parts[-2] == "lora_A" else "lora_b"
        tensor = GGUF_NAMES[".".join(parts[1:3])]
        writer.add_tensor(f"blk.{parts[0]}.{tensor}.weight.{side}", value.numpy().astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@torch.no_grad()
def logits(model) -> list[float]:
    return model(torch.tensor([TOKENS])).logits[0, -1].tolist()


def loaded(*names: str) -> PeftModel:
    model = PeftModel.from_pretrained(base(), OUT / names[0], adapter_name=names[0])
    for name in names[1:]:
        model.load_adapter(OUT / name, adapter_name=name)
    model.base_model.set_adapter(list(names))
    return model.float().eval()


def main() -> None:
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    for name, config in CASES.items():
        write_adapter(name, config)
    write_gguf()
    half_of_plain = loaded("plain")
    for module in half_of_plain.modules():
        if hasattr(module, "scale_layer"):
            module.scale_layer(0.5)
    expected = {
        "tokens": TOKENS,
        "none": logits(base()),
        **{name: logits(loaded(name)) for name in CASES},
        "both": logits(loaded("plain", "patterns")),
        "half of plain": logits(half_of_plain),
    }
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in expected.items()]
    (OUT / "expected.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
