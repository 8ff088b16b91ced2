"""Writes the fixtures of tests/formats with the Python libraries of both formats.

    pip install gguf==0.19.0 safetensors==0.8.0 numpy torch
    python scripts/make_format_fixtures.py

The files are small (a few kilobytes in all) and come out the same every time. `expected.json` holds the numbers that the
tests should find in them.
"""

import json
from pathlib import Path

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as T
from gguf import GGUFValueType as V
from safetensors.torch import save_file

FOLDER = Path(__file__).parent.parent / "tests" / "fixtures" / "formats"

TOKENS = ["a", "Ġthe", "é", "日本", "👍🏽", "", "\u0000", "tab\t", "x" * 200]


def numbers(*shape):
    """Distinct values that f16 and bf16 hold exactly."""
    count = int(np.prod(shape))
    return ((np.arange(count) % 61 - 30) / 4).astype(np.float32).reshape(shape)


def write_gguf(path):
    writer = gguf.GGUFWriter(path, "gpt2")
    writer.add_uint8("value.u8", 255)
    writer.add_int8("value.i8", -128)
    writer.add_uint16("value.u16", 65535)
    writer.add_int16("value.i16", -32768)
    writer.add_uint32("value.u32", 2**32 - 1)
    writer.add_int32("value.i32", -(2**31))
    writer.add_float32("value.f32", 1e-5)
    writer.add_uint64("value.u64", 2**64 - 1)
    writer.add_int64("value.i64", -(2**63))
    writer.add_float64("value.f64", 0.1)
    writer.add_bool("value.bool", True)
    writer.add_string("value.string", "Füße 👣")
    writer.add_array("array.string", TOKENS)
    writer.add_array("array.i32", [1, -2, 3])
    writer.add_array("array.f32", [0.5, -1.25])
    writer.add_array("array.bool", [True, False, True])
    writer.add_key_value("array.u64", [1, 2**64 - 1], V.ARRAY, sub_type=V.UINT64)
    writer.add_tensor("f32", numbers(3, 5))
    writer.add_tensor("f16", numbers(2, 3, 7).astype(np.float16))
    writer.add_tensor("i32", np.arange(4, dtype=np.int32))
    for name, tensor_type, width in (
        ("bf16", T.BF16, 6),
        ("q8_0", T.Q8_0, 64),
        ("q4_0", T.Q4_0, 32),
        ("q4_1", T.Q4_1, 32),
        ("q5_0", T.Q5_0, 32),
        ("q5_1", T.Q5_1, 32),
    ):
        quantized = gguf.quantize(numbers(2, width), tensor_type)
        writer.add_tensor(name, quantized, raw_dtype=tensor_type)
    # No encoder for K-quants in Python: any bytes of the right length will do for the layout.
    for name, tensor_type in (("q4_k", T.Q4_K), ("q6_k", T.Q6_K)):
        _, block_bytes = gguf.GGML_QUANT_SIZES[tensor_type]
        blocks = (np.arange(2 * block_bytes) % 251).astype(np.uint8).reshape(2, block_bytes)
        writer.add_tensor(name, blocks, raw_dtype=tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    reader = gguf.GGUFReader(path)
    return {
        tensor.name: {
            "shape": [int(size) for size in reversed(tensor.shape)],
            "type": tensor.tensor_type.name.lower(),
            "offset": int(tensor.data_offset),
            "byteLength": int(tensor.n_bytes),
        }
        for tensor in reader.tensors
    }


def write_safetensors(path):
    values = torch.from_numpy(numbers(3, 5))
    tensors = {
        "wte.weight": values,
        "h.0.attn.c_attn.bias": values[0].clone().to(torch.float16),
        "bf16": values[1].clone().to(torch.bfloat16),
        "f64": values[2].clone().to(torch.float64),
        "i64": torch.tensor([[-1, 2**62]]),
        "u8": torch.tensor([0, 1, 255], dtype=torch.uint8),
        "bool": torch.tensor([True, False]),
        "scalar": torch.tensor(7.5),
        "empty": torch.zeros(0, 4),
        'größe "quoted"': torch.tensor([1], dtype=torch.int32),
    }
    save_file(tensors, path, metadata={"format": "pt"})
    return {
        name: {
            "shape": list(tensor.shape),
            "values": tensor.to(torch.float64).flatten().tolist(),
        }
        for name, tensor in tensors.items()
    }


def write_sharded(folder):
    folder.mkdir(exist_ok=True)
    shards = {
        "model-00001-of-00002.safetensors": {"a.weight": numbers(2, 3), "a.bias": numbers(3)},
        "model-00002-of-00002.safetensors": {"b.weight": numbers(4, 2)},
    }
    weight_map = {}
    for name, tensors in shards.items():
        tensors = {key: torch.from_numpy(value) for key, value in tensors.items()}
        save_file(tensors, folder / name, metadata={"format": "pt"})
        weight_map |= {key: name for key in tensors}
    index = {"metadata": {"total_size": 4 * (6 + 3 + 8)}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    expected = {
        "tokens": TOKENS,
        "gguf": write_gguf(FOLDER / "python.gguf"),
        "safetensors": write_safetensors(FOLDER / "python.safetensors"),
    }
    write_sharded(FOLDER / "sharded")
    (FOLDER / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
