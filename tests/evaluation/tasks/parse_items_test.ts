import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { FileFormatError } from "../../../src/base/errors.ts";
import { parseItems } from "../../../src/evaluation/tasks/parse_items.ts";
import type { TaskName } from "../../../src/evaluation/tasks/tasks.ts";

function parse(name: TaskName, lines: readonly unknown[], labels?: string) {
  const text = lines.map((line) => typeof line === "string" ? line : JSON.stringify(line));
  return parseItems(
    name,
    { path: "q.jsonl", text: text.join("\n") },
    labels === undefined ? undefined : { path: "a.lst", text: labels },
  );
}

const HELLASWAG = {
  activity_label: "Baking",
  ctx_a: "[header] How to bake [title] Mix.",
  ctx_b: "THE [step] baker",
  endings: ["[step] waits.", "runs  off [title] Rest", "sings", " eats "],
  label: 2,
};
const WINOGRANDE = {
  sentence: "The cup is in the bag because _ is  small. ",
  option1: "cup",
  option2: "bag",
  answer: "1",
};
const PIQA = { goal: "Cook an egg", sol1: "Boil it.", sol2: "Freeze it." };
const ARC = {
  question: {
    stem: "What is red?",
    choices: [{ text: "blood", label: "A" }, { text: "snow", label: "B" }],
  },
  answerKey: "B",
};
const ARC_OF_HUB = {
  question: "What is red?",
  choices: { text: ["blood", "snow"], label: ["A", "B"] },
  answerKey: "B",
};
const CLOZE = { text: "The cat sat on the", target: "mat" };
const CHOICE = { context: "The cat sat on the", choices: ["mat", "moon"], answer: 0 };

Deno.test("parseItems() prepares HellaSwag as lm-evaluation-harness does", () => {
  assertEquals(parse("hellaswag", ["", HELLASWAG, "  "]), [{
    line: 2,
    contexts: ["Baking: How to bake. Mix. The baker"],
    continuations: [" waits.", " runs off. Rest", " sings", " eats"].map((text, i) =>
      i === 0 ? "  waits." : text
    ),
    choices: [" waits.", "runs off. Rest", "sings", "eats"],
    answer: 2,
  }]);
  assertEquals(parse("hellaswag", [{ ...HELLASWAG, label: "3" }])[0].answer, 3);
});

Deno.test("parseItems() has WinoGrande's options come before what is scored", () => {
  assertEquals(parse("winogrande", [WINOGRANDE])[0], {
    line: 1,
    contexts: ["The cup is in the bag because cup", "The cup is in the bag because bag"],
    continuations: [" is  small."],
    choices: ["The cup is in the bag because cup", "The cup is in the bag because bag"],
    answer: 0,
  });
});

Deno.test("parseItems() takes off LAMBADA's last word", () => {
  const contextAndTarget = (text: string) => {
    const [{ contexts, continuations }] = parse("lambada", [{ text }]);
    return [...contexts, ...continuations];
  };
  assertEquals(contextAndTarget("one two\n three"), ["one two\n", " three"]);
  assertEquals(contextAndTarget("one"), ["", " one"]);
  assertEquals(contextAndTarget("one  two"), ["one ", " two"]);
});

Deno.test("parseItems() reads PIQA's labels from a file of their own, or from the lines", () => {
  const [, second] = parse("piqa", [PIQA, PIQA], "0\r\n1\n");
  assertEquals(second, {
    line: 2,
    contexts: ["Question: Cook an egg\nAnswer:"],
    continuations: [" Boil it.", " Freeze it."],
    choices: ["Boil it.", "Freeze it."],
    answer: 1,
  });
  assertEquals(parse("piqa", [{ ...PIQA, label: 1 }])[0].answer, 1);
});

Deno.test("parseItems() reads ARC and the formats of this package", () => {
  assertEquals(parse("arc", [ARC])[0], {
    line: 1,
    contexts: ["Question: What is red?\nAnswer:"],
    continuations: [" blood", " snow"],
    choices: ["blood", "snow"],
    answer: 1,
  });
  assertEquals(parse("arc", [ARC_OF_HUB]), parse("arc", [ARC]));
  assertEquals(parse("cloze", [CLOZE])[0].continuations, [" mat"]);
  assertEquals(parse("cloze", [{ ...CLOZE, delimiter: "" }])[0].continuations, ["mat"]);
  const [item] = parse("multiple-choice", [{ ...CHOICE, delimiter: "\n" }]);
  assertEquals([item.continuations, item.choices], [["\nmat", "\nmoon"], ["mat", "moon"]]);
});

Deno.test("parseItems() takes the text of a choice for the answer, if there is one", () => {
  const answer = (choices: string[], answer: unknown) =>
    parse("multiple-choice", [{ ...CHOICE, choices, answer }])[0].answer;
  assertEquals(answer(["mat", "moon"], "moon"), 1);
  assertEquals(answer(["2", "7"], "7"), 1);
  assertEquals(answer(["0", "1"], "1"), 1);
});

Deno.test("parseItems() skips a byte order mark at the beginning", () => {
  const text = JSON.stringify(CLOZE);
  assertEquals(parse("cloze", ["\ufeff" + text, text]).map(({ line }) => line), [1, 2]);
  const labelled = parse("piqa", ["\ufeff" + JSON.stringify(PIQA)], "\ufeff1\n");
  assertEquals(labelled[0].answer, 1);
});

const wrong: [what: string, TaskName, lines: unknown[], message: string, labels?: string][] = [
  [
    "no question",
    "cloze",
    ["", " "],
    'Cannot read "q.jsonl": there is no question in it: received "\\n "',
  ],
  ["no JSON", "cloze", [CLOZE, "{"], 'line 2 of "q.jsonl": it is not JSON: received "{"'],
  ["equal keys", "lambada", ['{"text":"a","text":"b"}'], "line 1"],
  ["a list", "cloze", ["[]"], "it is not a JSON object: received"],
  ["another file", "arc", [PIQA], '"question" is not an object: received nothing'],
  ["no text", "lambada", [{ text: 1 }], '"text" is not a text: received 1'],
  ["an empty target", "cloze", [{ ...CLOZE, target: "" }], '"target" is empty'],
  ["one choice", "multiple-choice", [{ ...CHOICE, choices: ["a"] }], "has fewer than 2 elements"],
  ["an empty choice", "multiple-choice", [{ ...CHOICE, choices: ["a", ""] }], "has an empty text"],
  ["numbers", "multiple-choice", [{ ...CHOICE, choices: [1, "a"] }], "is not a list of texts"],
  [
    "an answer out of range",
    "multiple-choice",
    [{ ...CHOICE, answer: 2 }],
    '"answer" is not a number from 0 to 1: received 2',
  ],
  [
    "a number that is another choice",
    "multiple-choice",
    [{ ...CHOICE, choices: ["1", "2"], answer: "1" }],
    '"answer" could be more than one of the choices: received "1"',
  ],
  [
    "two choices that are equal",
    "multiple-choice",
    [{ ...CHOICE, choices: ["a", "a"], answer: "a" }],
    '"answer" could be more than one of the choices',
  ],
  ["no answer", "hellaswag", [{ ...HELLASWAG, label: "" }], '"label" is not a number from 0 to 3'],
  ["half an answer", "hellaswag", [{ ...HELLASWAG, label: 0.5 }], "received 0.5"],
  ["no blank", "winogrande", [{ ...WINOGRANDE, sentence: "a" }], '"sentence" has no _'],
  ["WinoGrande's test", "winogrande", [{ ...WINOGRANDE, answer: "" }], 'neither "1" nor "2"'],
  ["no label", "piqa", [PIQA], 'line 1 of "q.jsonl": "label" is missing'],
  ["fewer labels", "piqa", [PIQA, PIQA], '"q.jsonl" has 2 questions: received 1 labels', "0"],
  ["another label", "piqa", [PIQA], 'line 2 of "a.lst": a label is 0 or 1: received "2"', "\n2"],
  ["another key", "arc", [{ ...ARC, answerKey: "C" }], '"answerKey" is the label of no choice'],
  [
    "fewer labels than choices",
    "arc",
    [{ ...ARC_OF_HUB, choices: { text: ["a", "b", "c"], label: ["A", "B"] } }],
    '"choices.label" has not 3 elements',
  ],
  [
    "a field within",
    "arc",
    [{ ...ARC, question: { stem: "?", choices: [{ text: "a", label: "A" }, { text: 2 }] } }],
    '"question.choices[1].text" is not a text: received 2',
  ],
];

for (const [what, name, lines, message, labels] of wrong) {
  Deno.test(`parseItems() refuses ${what}, with the file and the line`, () => {
    const error = assertThrows(() => parse(name, lines, labels), FileFormatError);
    assertStringIncludes(error.message, message);
  });
}
