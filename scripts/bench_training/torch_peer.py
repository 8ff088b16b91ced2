"""Trains a GPT-2 with PyTorch, and says how long each step takes.

    python torch_peer.py <folder> <threads> <batch> <seq> <wall|processor>

The folder is a Hugging Face checkpoint with F32 weights, and `batch.json` beside it: (batch (seq + 1)) tokens. Each line of
stdin is an order, `{"program": "torch F32", "steps": 3, "fresh": true}`, each line of stdout its answer,
`{"ms": [...], "losses": [...]}`; `fresh` begins with the weights of the folder and a new optimizer.

The model is written as nanoGPT's: attention by `scaled_dot_product_attention`, the optimizer fused, BF16 by `autocast`, gradients
set to none. Programs whose name begins with "transformers" train its GPT2LMHeadModel.
"""

import contextlib
import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, embed, heads):
        super().__init__()
        self.heads = heads
        self.ln_1 = nn.LayerNorm(embed)
        self.qkv = nn.Linear(embed, 3 * embed)
        self.output = nn.Linear(embed, embed)
        self.ln_2 = nn.LayerNorm(embed)
        self.up = nn.Linear(embed, 4 * embed)
        self.down = nn.Linear(4 * embed, embed)

    def forward(self, x):
        batch, seq, embed = x.shape
        split = (batch, seq, self.heads, embed // self.heads)
        q, k, v = (each.view(split).transpose(1, 2) for each in self.qkv(self.ln_1(x)).split(embed, dim=2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.output(y.transpose(1, 2).contiguous().view(batch, seq, embed))
        return x + self.down(F.gelu(self.up(self.ln_2(x)), approximate="tanh"))


class Model(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.wte = nn.Embedding(config["vocab_size"], config["n_embd"])
        self.wpe = nn.Embedding(config["n_positions"], config["n_embd"])
        self.blocks = nn.ModuleList(Block(config["n_embd"], config["n_head"]) for _ in range(config["n_layer"]))
        self.ln_f = nn.LayerNorm(config["n_embd"])
        self.head = nn.Linear(config["n_embd"], config["vocab_size"], bias=False)
        self.head.weight = self.wte.weight

    def forward(self, tokens, targets):
        x = self.wte(tokens) + self.wpe(torch.arange(tokens.shape[1]))
        for block in self.blocks:
            x = block(x)
        logits = self.head(self.ln_f(x))
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.view(-1))

    def load(self, weights):
        """Takes weights by Hugging Face's names, whose matrices are transposed."""
        names = {"attn.c_attn": "qkv", "attn.c_proj": "output", "mlp.c_fc": "up", "mlp.c_proj": "down"}
        renamed = {"head.weight": weights["wte.weight"]}
        for name, tensor in weights.items():
            if name.startswith("h."):
                _, layer, rest = name.split(".", 2)
                path, kind = rest.rsplit(".", 1)
                if path in names and kind == "weight":
                    tensor = tensor.t()
                name = f"blocks.{layer}.{names.get(path, path)}.{kind}"
            renamed[name] = tensor.contiguous()
        self.load_state_dict(renamed)


class Transformers(nn.Module):
    """Hugging Face's, with the same mean over all targets as the loss."""

    def __init__(self, folder):
        super().__init__()
        import transformers

        self.model = transformers.GPT2LMHeadModel.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="sdpa"
        )
        for module in self.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0

    def forward(self, tokens, targets):
        logits = self.model(tokens, use_cache=False).logits
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.view(-1))

    def load(self, weights):
        self.model.transformer.load_state_dict(weights)


class Trainer:
    """One model, which all programs of this process train in turn."""

    def __init__(self, folder, batch, seq):
        from safetensors.torch import load_file

        self.folder = folder
        with open(f"{folder}/config.json") as file:
            self.config = json.load(file)
        weights = load_file(f"{folder}/model.safetensors")
        weights = {name.removeprefix("transformer."): tensor for name, tensor in weights.items()}
        self.weights = {name: tensor for name, tensor in weights.items() if name != "lm_head.weight"}
        with open(f"{folder}/batch.json") as file:
            ids = torch.tensor(json.load(file)).view(batch, seq + 1)
        self.tokens, self.targets = ids[:, :-1].contiguous(), ids[:, 1:].contiguous()
        self.models = {}
        self.optimizer = None

    def begin(self, program):
        """Weights of the folder, and a new optimizer."""
        family = "transformers" if program.startswith("transformers") else "torch"
        if family not in self.models:
            self.models[family] = Transformers(self.folder) if family == "transformers" else Model(self.config)
        self.model = self.models[family]
        self.model.load(self.weights)
        self.model.train()
        self.compiled = torch.compile(self.model) if "compile" in program else self.model
        matrices = [x for x in self.model.parameters() if x.dim() >= 2]
        others = [x for x in self.model.parameters() if x.dim() < 2]
        groups = [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=1e-5, betas=(0.9, 0.99), fused=True)

    def step(self, program):
        autocast = program.endswith("BF16")
        context = torch.autocast("cpu", dtype=torch.bfloat16) if autocast else contextlib.nullcontext()
        with context:
            loss = self.compiled(self.tokens, self.targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return loss.item()


def main():
    folder, threads, batch, seq, clock = sys.argv[1:]
    now = {"wall": time.perf_counter, "processor": time.process_time}[clock]
    torch.set_num_threads(int(threads))
    trainer = Trainer(folder, int(batch), int(seq))
    for line in sys.stdin:
        order = json.loads(line)
        if order["fresh"]:
            trainer.begin(order["program"])
        ms, losses = [], []
        for _ in range(order["steps"]):
            begin = now()
            losses.append(trainer.step(order["program"]))
            ms.append((now() - begin) * 1000)
        print(json.dumps({"ms": ms, "losses": losses}), flush=True)


main()
