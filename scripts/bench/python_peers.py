"""Measures Hugging Face transformers or CTranslate2.

    python python_peers.py available
    python python_peers.py transformers <folder> <threads> <f32|bf16> <prefill|decode> <tokens> <batch> <repetitions>
    python python_peers.py ctranslate2 <folder> <threads> int8 <prefill|decode> <tokens> <batch> <repetitions>

The first form writes the names of the programs that are installed, the others tokens per second. The
folder is a Hugging Face checkpoint. Texts are random tokens, those that are continued begin with one; a run goes before
those that count.
"""

import importlib.util
import json
import os
import random
import sys
import time

VOCABULARY = 50257


def rate(work, tokens, repetitions):
    """Tokens per second of `work`, in the mean."""
    rates = []
    for repetition in range(-1, repetitions):
        begin = time.perf_counter()
        work()
        if repetition >= 0:
            rates.append(tokens / (time.perf_counter() - begin))
    return sum(rates) / len(rates)


def transformers_work(folder, threads, dtype, task, tokens, batch):
    import torch
    import transformers

    torch.set_num_threads(threads)
    model = transformers.GPT2LMHeadModel.from_pretrained(
        folder, dtype={"f32": torch.float32, "bf16": torch.bfloat16}[dtype]
    ).eval()
    length = tokens if task == "prefill" else 1
    ids = torch.tensor([[random.randrange(VOCABULARY) for _ in range(length)] for _ in range(batch)])

    def prefill():
        with torch.inference_mode():
            model(ids, use_cache=True, logits_to_keep=1)

    def decode():
        model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=True,
            top_k=50,
            min_new_tokens=tokens,
            max_new_tokens=tokens,
            pad_token_id=VOCABULARY - 1,
        )

    return prefill if task == "prefill" else decode


def ctranslate2_work(folder, threads, dtype, task, tokens, batch):
    import ctranslate2

    converted = f"{folder}/ctranslate2-{dtype}"
    if not os.path.exists(converted):
        ctranslate2.converters.TransformersConverter(folder).convert(converted, quantization=dtype)
    generator = ctranslate2.Generator(converted, compute_type=dtype, intra_threads=threads)
    with open(f"{converted}/vocabulary.json") as file:
        vocabulary = json.load(file)
    length = tokens if task == "prefill" else 1
    texts = [random.choices(vocabulary, k=length) for _ in range(batch)]
    new_tokens = 1 if task == "prefill" else tokens

    def work():
        generator.generate_batch(
            texts,
            min_length=new_tokens,
            max_length=new_tokens,
            sampling_topk=50,
            include_prompt_in_result=False,
        )

    return work


def main():
    if sys.argv[1] == "available":
        needed = {"transformers": ["torch", "transformers"], "ctranslate2": ["ctranslate2", "transformers"]}
        for name, modules in needed.items():
            if all(importlib.util.find_spec(module) for module in modules):
                print(name)
        return
    program, folder, threads, dtype, task = sys.argv[1:6]
    tokens, batch, repetitions = map(int, sys.argv[6:])
    random.seed(1)
    make_work = {"transformers": transformers_work, "ctranslate2": ctranslate2_work}[program]
    work = make_work(folder, int(threads), dtype, task, tokens, batch)
    print(rate(work, tokens * batch, repetitions))


main()
