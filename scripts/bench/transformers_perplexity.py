"""Measures perplexity with Hugging Face transformers, as llama.cpp defines it.

    python transformers_perplexity.py <folder> <tokens.json> <chunk> <threads> <f32|bf16>

The second half of each chunk counts. Logits are computed for that half only. Writes one JSON object with the
perplexity and the milliseconds that the chunks took; one chunk goes before them.
"""

import json
import sys
import time

import torch
import transformers


@torch.inference_mode()
def main(folder, tokens, chunk, threads, dtype):
    torch.set_num_threads(int(threads))
    chunk = int(chunk)
    model = transformers.GPT2LMHeadModel.from_pretrained(
        folder, dtype={"f32": torch.float32, "bf16": torch.bfloat16}[dtype]
    ).eval()
    with open(tokens) as file:
        ids = torch.tensor(json.load(file))
    first = chunk // 2

    def loss(part):
        logits = model(part[None], use_cache=False, logits_to_keep=chunk - first).logits[0, :-1]
        return torch.nn.functional.cross_entropy(logits.float(), part[first + 1 :], reduction="sum")

    parts = [ids[i : i + chunk] for i in range(0, len(ids) - chunk + 1, chunk)]
    loss(parts[0])
    begin = time.perf_counter()
    total = sum(loss(part).item() for part in parts)
    elapsed = 1000 * (time.perf_counter() - begin)
    count = len(parts) * (chunk - first - 1)
    perplexity = torch.tensor(total / count).exp().item()
    print(json.dumps({"perplexity": perplexity, "elapsedMs": elapsed}))


main(*sys.argv[1:])
