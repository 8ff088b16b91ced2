"""Writes tests/fixtures/tokenizer/training.json: the merges that Hugging Face's tokenizers learn from short texts, and the
SHA-256 of those that they learn from tiny Shakespeare.

    pip install tokenizers==0.23.3
    python3 scripts/make_tokenizer_training_reference.py
"""

import gzip
import hashlib
import json
import random
from pathlib import Path

from tokenizers import ByteLevelBPETokenizer

FIXTURES = Path(__file__).parent.parent / "tests" / "fixtures"

PARAGRAPHS = [
    "low low low low low lower lower newest newest newest newest newest newest widest widest widest\n",
    "Ängste überm Fluß, naïve café, Ångström; größer, größte, größere Flüsse.\n",
    "東京都と京都府、大阪府。東京タワーと京都タワー。 Москва, Москвы, Москве! ελληνικά, ελληνική γλώσσα\n",
    "👩‍🚀👩‍🚀👨‍🚀 don't won't they've we'll I'm you're O'Neill's\u00a0x\u3000y\u2003z  \t  12 123 1234 12.5%\n\n\n",
]
ALPHABETS = ["ab", "aab ", "abc", "é文a ", "'sre \n"]


def learn(text, vocab_size, min_frequency=2):
    tokenizer = ByteLevelBPETokenizer(add_prefix_space=False)
    tokenizer.train_from_iterator([text], vocab_size=vocab_size, min_frequency=min_frequency, show_progress=False)
    return [" ".join(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]


def case(text, num_tokens, min_frequency=2):
    merges = learn(text, num_tokens, min_frequency)
    return {"text": text, "numTokens": num_tokens, "minFrequency": min_frequency, "merges": merges}


def digest(text, num_tokens):
    merges = learn(text, num_tokens)
    sha256 = hashlib.sha256("\n".join(merges).encode()).hexdigest()
    return {"numTokens": num_tokens, "numMerges": len(merges), "sha256": sha256}


rng = random.Random(1)
shakespeare = gzip.decompress((FIXTURES / "tinyshakespeare.txt.gz").read_bytes()).decode()
cases = [case(text * 3, 400) for text in PARAGRAPHS]
cases += [case("".join(PARAGRAPHS), 320, min_frequency) for min_frequency in (1, 3)]
cases += [case("".join(rng.choice(alphabet) for _ in range(400)), 300) for alphabet in ALPHABETS]
result = {"cases": cases, "tinyShakespeare": [digest(shakespeare, size) for size in (512, 1024, 4096)]}
(FIXTURES / "tokenizer" / "training.json").write_text(json.dumps(result, ensure_ascii=False, separators=(",", ":")) + "\n")
