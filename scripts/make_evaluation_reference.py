"""Make tests/fixtures/evaluation/tasks: made-up benchmarks, and what lm-evaluation-harness finds.

    deno eval 'import { GPT2 } from "./mod.ts";
      using model = await GPT2.fromPretrained("demo", { type: "f32" });
      await model.saveSafetensors(Deno.args[0])' /tmp/demo
    python scripts/make_evaluation_reference.py /tmp/demo

The files have the form in which each benchmark is published, and hold what is hard about it: brackets
of WikiHow, texts longer than the context, characters of several bytes, white space at the ends. The
harness runs its own task files on them, with `--model hf`, in float32, one text at a time; where the
hub has a data set in another form than its authors (PIQA's labels, ARC's questions), the harness gets
that of the hub. For the two forms of this package, `cloze` and `multiple-choice`, the task file is here.

`--tasks FOLDER`, instead of a model, only writes the task files and what they read, for a run of the
harness with something else: `scripts/check_server_clients.ts` uses a server so.

    <task>.jsonl      the items (and piqa-labels.lst)
    <task>.json       the harness's numbers: the sum for each choice of each item, whether each is the
                      greedy continuation, and the metrics

Requires torch, transformers, datasets and lm_eval 0.4.13.
"""

import json
import random
import sys
import tempfile
from pathlib import Path

import lm_eval
from lm_eval.tasks import TaskManager

OUTPUT = Path(__file__).parents[1] / "tests" / "fixtures" / "evaluation" / "tasks"
BUILT_IN = Path(lm_eval.__file__).parent / "tasks"
NUM_ITEMS = 36

NAMES = "Romeo Juliet Gloucester Warwick Clarence Tybalt Mercutio Coriolanus Paris Leontes".split()
NOUNS = "king crown sword letter friar castle queen horse soldier garden battle daughter".split()
ADJECTIVES = "noble gentle bloody sweet false royal heavy proud weary honest".split()
VERBS = "loves fears follows forgives banishes betrays hears honours".split()
PLACES = "in the tower|at the gate|before the king|by the river|in Verona|on the field".split("|")
STRANGE = ["naïve", "Zoë", "“so be it”", "日本の王は城にいる", "🎭🎭", "coöperate", "ΟΔΟΣ ΟΔΟΣ"]


def sentence(rng):
    return (
        f"The {rng.choice(ADJECTIVES)} {rng.choice(NOUNS)} {rng.choice(VERBS)} "
        f"{rng.choice(NAMES)} {rng.choice(PLACES)}"
    )


def long_text(rng):
    return ". ".join(sentence(rng) for _ in range(30))


def ending(rng):
    text = f"{rng.choice(VERBS)} the {rng.choice(ADJECTIVES)} {rng.choice(NOUNS)} {rng.choice(PLACES)}."
    return f"{text[:-1]}, {rng.choice(STRANGE)}." if rng.random() < 0.4 else text


def hellaswag(rng, i):
    ctx_a, ctx_b = sentence(rng) + ".", f"{rng.choice(ADJECTIVES)} {rng.choice(NAMES)} then"
    label, endings = rng.randrange(4), [ending(rng) for _ in range(4)]
    activity = rng.choice(["Fencing", "Writing letters", "Family Life", " Waiting"])
    if i % 4 == 1:
        ctx_a = f"[header] How to {rng.choice(VERBS)} [title] {ctx_a}"
        ctx_b = f"[step] {rng.choice(['ÉCOUTE', 'ssh', 'Mc'])} {ctx_b}  [substeps] now "
        endings = [f"[step] {text}  [title] Then rest" for text in endings]
    if i % 9 == 2:
        ctx_b = ""
    if i % 12 == 3:
        ctx_a = long_text(rng)
    return {
        "ind": i,
        "activity_label": activity,
        "ctx_a": ctx_a,
        "ctx_b": ctx_b,
        "ctx": f"{ctx_a} {ctx_b}".strip(),
        "split": "val",
        "split_type": rng.choice(["indomain", "zeroshot"]),
        "label": label,
        "endings": endings,
        "source_id": f"made_up~{i}",
    }


def winogrande(rng, i):
    first, second = rng.sample(NAMES, 2)
    text = f"{first} never forgives {second} the {rng.choice(NOUNS)} because _ {ending(rng)}"
    if i % 6 == 1:
        text = f"_ {ending(rng)}"
    if i % 6 == 2:
        text = f"{second} hears {first}, and so the {rng.choice(NOUNS)} of _'s  {rng.choice(NOUNS)} is lost . "
    if i % 18 == 5:
        text = f"{long_text(rng)}, says _, {ending(rng)}"
    return {
        "qID": f"made-up-{i}",
        "sentence": text,
        "option1": first,
        "option2": f"{second} {rng.choice(STRANGE)}" if i % 5 == 0 else second,
        "answer": rng.choice("12"),
    }


# With what the demo model finds likeliest then.
LINES = [
    ("I am the king of England, and thou art my", "son"),
    ("My lord, I will not stay to speak with", "me"),
    ("The king himself is come to", "the king"),
    ("KING RICHARD III:\nWhat says your", "grace"),
    ("My gracious", "lord"),
]


def lambada(rng, i):
    text = f"{sentence(rng)}, and there {rng.choice(NAMES)} {rng.choice(VERBS)} the {rng.choice(NOUNS)}"
    if i % 3 == 1:
        line, likely = rng.choice(LINES)
        text = f"{line} {likely if rng.random() < 0.7 else rng.choice(NOUNS)}"
    if i % 12 == 3:
        text = f"{long_text(rng)} {rng.choice(NOUNS)}"
    if i % 12 == 5:
        text = rng.choice(NOUNS)  # Nothing comes before it.
    if i % 12 == 8:
        text = f"{sentence(rng)}\n\n{rng.choice(NAMES)}:\nI {rng.choice(STRANGE)}"
    if i % 12 == 11:
        text = f"{sentence(rng)},  and\n {rng.choice(NOUNS)}"
    return {"text": text}


def piqa(rng, i):
    goal = f"How does one {rng.choice(['hold', 'hide', 'sell', 'mend'])} a {rng.choice(NOUNS)}?"
    solutions = [f"{rng.choice(['Put', 'Carry', 'Leave'])} it {rng.choice(PLACES)}." for _ in "12"]
    if i % 5 == 1:
        solutions[0] += f" It is {rng.choice(STRANGE)}."
    if i % 7 == 2:
        goal, solutions[1] = goal + " ", solutions[1] + "\n"
    if i % 12 == 3:
        goal = long_text(rng)
    return {"id": f"made-up-{i}", "goal": goal, "sol1": solutions[0], "sol2": solutions[1]}


def arc(rng, i):
    number = 3 if i % 6 == 1 else 5 if i % 6 == 2 else 4
    labels = ("12345" if i % 4 == 1 else "ABCDE")[:number]
    texts = [f"the {rng.choice(ADJECTIVES)} {rng.choice(NOUNS)}" for _ in labels]
    if i % 5 == 0:
        texts[1] = f"{rng.choice(STRANGE)}"
    stem = f"Which of these {rng.choice(VERBS)} {rng.choice(NAMES)} {rng.choice(PLACES)}?"
    return {
        "id": f"made_up_{i}",
        "question": {
            "stem": stem,
            "choices": [{"text": text, "label": label} for text, label in zip(texts, labels)],
        },
        "answerKey": rng.choice(labels),
    }


def cloze(rng, i):
    text, target = sentence(rng), rng.choice(NOUNS)
    if i % 3 == 1:
        text, target = rng.choice(LINES)
    if i % 6 == 2:
        text, target = f"{text}.\n\n{rng.choice(NAMES).upper()}:\n", f"{sentence(rng)}."
    if i % 12 == 3:
        text = long_text(rng)
    if i % 12 == 5:
        text = ""
    return {"text": text, "target": target}


def multiple_choice(rng, i):
    choices = [ending(rng) for _ in range(2 + i % 4)]
    context = f"{sentence(rng)}, and {rng.choice(NAMES)}"
    if i % 12 == 9:
        choices = ["“so be it”", "zxq"]  # One is likelier for each byte, the other for each character.
    if i % 5 == 1:
        context += " \n"
    if i % 12 == 3:
        context = long_text(rng)
    if i % 12 == 5:
        context = ""
    if i % 12 == 7:
        context = f"{sentence(rng)}.<|endoftext|>{rng.choice(NAMES)}"
    return {"context": context, "choices": choices, "answer": rng.randrange(len(choices))}


def piqa_of_hub(items, labels):
    return [{**item, "label": label} for item, label in zip(items, labels)]


def arc_of_hub(items):
    return [
        {
            "id": item["id"],
            "question": item["question"]["stem"],
            "choices": {
                key: [choice[key] for choice in item["question"]["choices"]]
                for key in ("text", "label")
            },
            "answerKey": item["answerKey"],
        }
        for item in items
    ]


# Beside what the harness's own task file asks for: acc_bytes.
METRICS = """
metric_list:
  - {metric: acc, aggregation: mean, higher_is_better: true}
  - {metric: acc_norm, aggregation: mean, higher_is_better: true}
  - {metric: acc_bytes, aggregation: mean, higher_is_better: true}
"""
WORD_METRICS = """
metric_list:
  - {metric: acc, aggregation: mean, higher_is_better: true}
  - {metric: perplexity, aggregation: perplexity, higher_is_better: false}
"""

TASKS = {
    "hellaswag": (hellaswag, f"include: {BUILT_IN}/hellaswag/hellaswag.yaml" + METRICS),
    "winogrande": (winogrande, f"include: {BUILT_IN}/winogrande/default.yaml"),
    "lambada": (lambada, f"include: {BUILT_IN}/lambada/lambada_openai.yaml\ntest_split: null"),
    "piqa": (piqa, f"include: {BUILT_IN}/piqa/piqa.yaml" + METRICS),
    "arc": (arc, f"include: {BUILT_IN}/arc/arc_challenge.yaml\ntest_split: null" + METRICS),
    "cloze": (
        cloze,
        "output_type: loglikelihood\ndoc_to_text: '{{text}}'\ndoc_to_target: \"{{' ' + target}}\""
        + WORD_METRICS,
    ),
    "multiple-choice": (
        multiple_choice,
        "output_type: multiple_choice\ndoc_to_text: '{{context}}'\ndoc_to_choice: choices\n"
        "doc_to_target: answer" + METRICS,
    ),
}


def write_lines(path, items):
    lines = [json.dumps(item, ensure_ascii=False) for item in items]
    path.write_text("".join(f"{line}\n" for line in lines))


def numbers(value):
    """Enough digits for float32."""
    return float(f"{value:.8g}")


def write_tasks(folder, published):
    """The harness's task files in `folder`; the files as they are published in `published`."""
    for name, (make, config) in TASKS.items():
        rng = random.Random(name)
        items = [make(rng, i) for i in range(NUM_ITEMS)]
        write_lines(published / f"{name}.jsonl", items)
        if name == "piqa":
            labels = [rng.randrange(2) for _ in items]
            write_lines(published / "piqa-labels.lst", labels)
            items = piqa_of_hub(items, labels)
        if name == "arc":
            items = arc_of_hub(items)
        data = folder / f"{name}-of-hub.jsonl"
        write_lines(data, items)
        (folder / f"{name}.yaml").write_text(
            f"task: made-up-{name}\n{config}\ndataset_path: json\ndataset_name: null\n"
            f"dataset_kwargs: {{data_files: {{validation: {data}}}}}\n"
            "training_split: null\nvalidation_split: validation\n"
        )


def main(model):
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        write_tasks(Path(folder), OUTPUT)
        found = lm_eval.simple_evaluate(
            model="hf",
            # With the cache, a text that is divided into context and target in two ways gets the
            # sum of the wrong tokens for one of them: the logits of the longer target are taken.
            model_args={"pretrained": model, "dtype": "float32", "logits_cache": False},
            tasks=[f"made-up-{name}" for name in TASKS],
            task_manager=TaskManager(include_path=folder, include_defaults=False),
            batch_size=1,
            device="cpu",
            log_samples=True,
            bootstrap_iters=1000,
        )
    for name in TASKS:
        samples = sorted(found["samples"][f"made-up-{name}"], key=lambda sample: sample["doc_id"])
        metrics = found["results"][f"made-up-{name}"]
        kinds = [key.split(",")[0] for key in metrics if key.endswith(",none")]
        result = {
            "metrics": {kind: metrics[f"{kind},none"] for kind in kinds},
            "items": [
                {
                    "logProbabilities": [numbers(sum_) for [sum_, _] in sample["filtered_resps"]]
                    if isinstance(sample["filtered_resps"][0], (list, tuple))
                    else [numbers(sample["filtered_resps"][0])],
                    "areGreedy": [bool(greedy) for [[_, greedy]] in sample["resps"]]
                    if isinstance(sample["resps"][0][0], (list, tuple))
                    else [],
                    **{kind: sample[kind] for kind in kinds if kind in sample},
                }
                for sample in samples
            ],
        }
        items = ",\n  ".join(json.dumps(item) for item in result["items"])
        text = f'{{"metrics": {json.dumps(result["metrics"])}, "items": [\n  {items}\n]}}\n'
        (OUTPUT / f"{name}.json").write_text(text)


if __name__ == "__main__":
    if sys.argv[1] == "--tasks":
        write_tasks(Path(sys.argv[2]), Path(sys.argv[2]))
    else:
        main(sys.argv[1])
