"""Writes tests/fixtures/formats/dequantized.json: random blocks of the types that llama.cpp can quantize to and this package
cannot, and what the Python package `gguf` (an implementation of its own, in NumPy) reads in them.

    pip install gguf==0.19.0
    python3 scripts/make_dequantize_reference.py
"""

import base64
import json
from pathlib import Path

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, quants

TARGET = Path(__file__).parent.parent / "tests" / "fixtures" / "formats" / "dequantized.json"
# Where the half-precision scale of a block is, which has to be a finite number of a usual size.
SCALES = {"tq1_0": 52, "tq2_0": 64}
NO_SCALE = ["iq1_m", "mxfp4", "nvfp4"]
TYPES = ["iq2_xxs", "iq2_xs", "iq2_s", "iq3_xxs", "iq3_s", "iq1_s", "iq1_m", "iq4_nl", "iq4_xs", "tq1_0", "tq2_0", "mxfp4",
         "nvfp4"]
ELEMENTS = 512

rng = np.random.default_rng(1)
result = {}
for name in TYPES:
    kind = GGMLQuantizationType[name.upper()]
    size, num_bytes = GGML_QUANT_SIZES[kind]
    blocks = rng.integers(0, 256, (ELEMENTS // size, num_bytes), dtype=np.uint8)
    if name == "iq1_m":
        # Its scale is spread over the high bits of its last four words: 0x2c00 is 1/16.
        blocks[:, 49::2] = blocks[:, 49::2] & 0x0F | np.array([0x00, 0x00, 0xC0, 0x20], dtype=np.uint8)
    elif name == "mxfp4":
        blocks[:, 0] = rng.integers(118, 128, len(blocks))
    elif name == "nvfp4":
        blocks[:, :4] = rng.integers(40, 60, (len(blocks), 4))
    else:
        at = SCALES.get(name, 0)
        scales = (rng.random(len(blocks)) / 16 + 0.01).astype(np.float16)
        blocks[:, at : at + 2] = scales.view(np.uint8).reshape(-1, 2)
    try:
        values = quants.dequantize(blocks.reshape(1, -1), kind).astype(np.float32)
    except NotImplementedError:
        print("not in this gguf:", name)
        continue
    assert np.isfinite(values).all(), name
    result[name] = {
        "bytes": base64.b64encode(blocks.tobytes()).decode(),
        "values": base64.b64encode(values.tobytes()).decode(),
    }
TARGET.write_text(json.dumps(result, indent=1) + "\n")
