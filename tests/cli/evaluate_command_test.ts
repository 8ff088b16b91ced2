import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runCli, type RunOptions } from "./run_cli.ts";

const FIXTURES = fileURLToPath(new URL("../fixtures/evaluation/tasks/", import.meta.url));
const PIQA = `${FIXTURES}piqa.jsonl`;
const CHOICES = `${FIXTURES}multiple-choice.jsonl`;

function evaluate(args: string[], options?: RunOptions) {
  return runCli(["evaluate", ...args, "--model", "demo", "--threads", "2"], options);
}

async function withFolder(action: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await action(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What a file of results says about each question, but for the numbers. */
function answers(text: string) {
  return text.trimEnd().split("\n").slice(1).map((line) => {
    const { logProbabilities: _, ...answer } = JSON.parse(line);
    return answer;
  });
}

Deno.test("evaluate shows a table, and --json the same numbers", async () => {
  const args = ["--task", "piqa", PIQA, "--limit", "12"];
  const { code, stdout, stderr } = await evaluate(args);
  assertEquals([code, stderr], [0, ""]);
  const lines = stdout.trimEnd().split("\n");
  assertEquals(lines[0], "piqa: 12 questions, demo (q8_0)");
  assertEquals(lines.slice(1).map((line) => line.trim().split(" ")[0]), [
    "acc",
    "acc_norm",
    "acc_bytes",
  ]);
  const result = JSON.parse((await evaluate([...args, "--json"])).stdout);
  assertEquals([result.task, result.model, result.file, result.numItems], [
    "piqa",
    "demo",
    PIQA,
    12,
  ]);
  for (const [i, { name, value, error }] of result.metrics.entries()) {
    const cells = [name, value.toFixed(4), "±", error.toFixed(4)];
    assertEquals(lines[i + 1].trim().split(/ +/), cells);
  }
});

Deno.test("evaluate reads the same questions from an argument, --file, - and a pipe", async () => {
  const stdin = await Deno.readTextFile(CHOICES);
  const metrics = async (args: string[], options?: RunOptions) => {
    const more = ["--task", "multiple-choice", "--limit", "3", "--json"];
    const { code, stdout } = await evaluate([...args, ...more], options);
    assertEquals(code, 0);
    return JSON.parse(stdout).metrics;
  };
  const expected = await metrics([CHOICES]);
  assertEquals(await metrics(["--file", CHOICES]), expected);
  for (const args of [["-"], ["-f", "-"], []]) {
    assertEquals(await metrics(args, { stdin }), expected);
  }
});

Deno.test("evaluate gives no error of a single question", async () => {
  const { code, stdout } = await evaluate(["--task", "piqa", PIQA, "--limit", "1"]);
  assertEquals(code, 0);
  assert(!stdout.includes("±"), stdout);
});

Deno.test("evaluate shows perplexity and accuracy of what is to be completed", async () => {
  const { stdout } = await evaluate(["--task", "lambada", `${FIXTURES}lambada.jsonl`]);
  assertMatch(stdout, /^lambada: 36 questions, demo \(q8_0\)\n {2}acc +0\.\d{4} +± 0\.\d{4}\n/);
  assertMatch(stdout, /\n {2}perplexity +[\d.e+]+ +± [\d.e+]+\n$/);
});

Deno.test("evaluate --limit asks the first questions, and --labels names the answers", async () => {
  await withFolder(async (folder) => {
    await Deno.copyFile(PIQA, `${folder}/q.jsonl`);
    const args = ["--task", "piqa", `${folder}/q.jsonl`, "--limit", "1", "--json"];
    const missing = await evaluate(args);
    assertEquals(missing.code, 65);
    assertStringIncludes(missing.stderr, '"label" is missing');
    const labels = ["--labels", `${FIXTURES}piqa-labels.lst`];
    const { numItems, metrics } = JSON.parse((await evaluate([...args, ...labels])).stdout);
    assertEquals([numItems, metrics[0].error], [1, null]);
  });
});

Deno.test("evaluate --jsonl keeps every result, and goes on behind the last whole line", async () => {
  await withFolder(async (folder) => {
    const [whole, output] = [`${folder}/whole.jsonl`, `${folder}/output.jsonl`];
    const args = ["--task", "multiple-choice", CHOICES, "--json", "--limit", "12", "--jsonl"];
    const expected = await evaluate([...args, whole]);
    const written = await Deno.readTextFile(whole);
    const [header, first, ...others] = written.trimEnd().split("\n").map((line) =>
      JSON.parse(line)
    );
    assertEquals([header.task, header.model, others.length], ["multiple-choice", "demo", 11]);
    const source = JSON.parse((await Deno.readTextFile(CHOICES)).split("\n")[0]);
    assertEquals(first.contexts, [source.context]);
    assertEquals(first.continuations, source.choices.map((choice: string) => ` ${choice}`));
    assertEquals([first.line, first.answer], [1, source.answer]);
    assertEquals(first.logProbabilities.length, source.choices.length);
    const isBest = Math.max(...first.logProbabilities) === first.logProbabilities[source.answer];
    assertEquals(first.isCorrect.acc, isBest);

    // Killed within a line, after seven whole ones.
    const cut = written.split("\n").slice(0, 8).join("\n").length + 40;
    await Deno.writeTextFile(output, written.slice(0, cut));
    const { code, stdout } = await evaluate([...args, output]);
    assertEquals([code, stdout], [0, expected.stdout]);
    const resumed = await Deno.readTextFile(output);
    assert(resumed.startsWith(written.slice(0, cut - 40)));
    assertEquals(answers(resumed), answers(written));
    // There is nothing left to do, and of fewer questions more than enough.
    assertEquals((await evaluate([...args, output])).stdout, expected.stdout);
    const fewer = await evaluate([...args.with(5, "3"), output]);
    assertEquals(JSON.parse(fewer.stdout).numItems, 3);
    assertEquals(await Deno.readTextFile(output), resumed);
  });
});

Deno.test("evaluate --jsonl goes on with a file that was cut anywhere", async () => {
  await withFolder(async (folder) => {
    const output = `${folder}/output.jsonl`;
    const args = ["--task", "piqa", PIQA, "--json", "--limit", "2", "--jsonl", output];
    const { stdout } = await evaluate(args);
    const bytes = await Deno.readFile(output);
    const headerEnd = bytes.indexOf(10);
    const places = [0, 1, headerEnd - 1, headerEnd, headerEnd + 1, headerEnd + 2, -2, -1];
    for (const place of places) {
      await Deno.writeFile(output, bytes.slice(0, place));
      const { code, stdout: again, stderr } = await evaluate(args);
      const before = place < 0 ? "1 answered before.\n" : "";
      assertEquals([code, again, stderr], [0, stdout, before], `cut at ${place}`);
      assertEquals(
        answers(await Deno.readTextFile(output)),
        answers(new TextDecoder().decode(bytes)),
      );
    }
  });
});

Deno.test("evaluate --jsonl leaves a file to the process that writes to it", async () => {
  await withFolder(async (folder) => {
    const output = `${folder}/output.jsonl`;
    const args = ["--task", "piqa", PIQA, "--limit", "2", "--jsonl", output];
    await evaluate(args);
    const before = await Deno.readTextFile(output);
    const file = await Deno.open(output, { read: true, write: true });
    await file.lock(true);
    for (const more of [[], ["--overwrite"]]) {
      const { code, stderr } = await evaluate([...args, ...more]);
      assertEquals(code, 75);
      assertStringIncludes(stderr, "another process does. Name another file");
    }
    file.close();
    assertEquals(await Deno.readTextFile(output), before);
    assertEquals((await evaluate(args)).code, 0);
    if (Deno.build.os === "windows") return;
    assertEquals((await evaluate([...args.with(-1, "/dev/null"), "--overwrite"])).code, 0);
  });
});

Deno.test("evaluate stopped by Ctrl-C exits with 130, and keeps what it has", async () => {
  await withFolder(async (folder) => {
    const [questions, output] = [`${folder}/questions.jsonl`, `${folder}/output.jsonl`];
    await Deno.writeTextFile(questions, (await Deno.readTextFile(CHOICES)).repeat(40));
    const stop = new AbortController();
    let numShown = 0;
    const { code, stdout, stderr } = await evaluate(
      ["--task", "multiple-choice", questions, "--jsonl", output],
      {
        isTerminal: true,
        signal: stop.signal,
        onStderr: (text) => {
          if (text.includes("Asking questions") && ++numShown === 3) stop.abort();
        },
      },
    );
    assertEquals([code, stdout], [130, ""]);
    const lines = (await Deno.readTextFile(output)).split("\n");
    assertEquals(lines.pop(), "");
    assert(lines.length > 1 && lines.length < 1441, `${lines.length}`);
    const number = `${lines.length - 1} of `;
    assertStringIncludes(stderr, `Stopped: ${number}`);
    assertStringIncludes(stderr, "The same command goes on.");
    assertEquals(lines.slice(1).map((line) => JSON.parse(line).line), [...lines.keys()].slice(1));
  });
});

Deno.test("evaluate stopped by Ctrl-C without --jsonl says that the answers are lost", async () => {
  const stop = new AbortController();
  const { code, stderr } = await evaluate(["--task", "multiple-choice", CHOICES], {
    isTerminal: true,
    signal: stop.signal,
    onStderr: (text) => {
      if (text.includes("Asking questions")) stop.abort();
    },
  });
  assertEquals(code, 130);
  assertStringIncludes(stderr, "whose answers are lost: with --jsonl <path>");
});

Deno.test("evaluate --jsonl leaves alone what it has not written, or what belongs to something else", async () => {
  await withFolder(async (folder) => {
    const output = `${folder}/output.jsonl`;
    const args = ["--task", "piqa", PIQA, "--limit", "2", "--jsonl", output];
    const refused = async (message: RegExp, ...more: string[]) => {
      const before = await Deno.readTextFile(output);
      const { code, stderr } = await evaluate([...args, ...more]);
      assertEquals(code, 2);
      assertMatch(stderr, message);
      assertEquals(await Deno.readTextFile(output), before);
    };
    await Deno.writeTextFile(output, "a poem\n");
    await refused(/no file with results of evaluate: received "a poem"/);
    assertEquals((await evaluate([...args, "--overwrite"])).code, 0);
    await refused(/results of another type: received "q8_0", and now "f32"/, "--type", "f32");
    await Deno.writeTextFile(`${folder}/labels.lst`, "1\n".repeat(36));
    await refused(/other questions: received "[0-9a-f]{64}"/, "--labels", `${folder}/labels.lst`);

    // As if by another model of the same name.
    const text = await Deno.readTextFile(output);
    const lines = text.split("\n");
    const last = JSON.parse(lines[2]);
    last.logProbabilities[1] += 0.5;
    await Deno.writeTextFile(output, [...lines.slice(0, 2), JSON.stringify(last), ""].join("\n"));
    await refused(/results of another model: the question of line 2 had/);
  });
});

Deno.test("evaluate asks nothing if the model cannot read a question", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/q.jsonl`;
    const good = { context: "a", choices: ["x", "y"], answer: 0 };
    const wrong: [question: object, message: RegExp][] = [
      [{ ...good, context: "a", choices: ["x", "\u200d"], delimiter: "" }, /^$/],
      [{ ...good, choices: ["x", "to be ".repeat(400)] }, /choice 1 has more than the 256 tokens/],
      [{ ...good, context: "th", choices: ["e", "x"], delimiter: "" }, /choice 0 has no token/],
    ];
    for (const [question, message] of wrong) {
      Deno.writeTextFileSync(path, [good, question].map((each) => JSON.stringify(each)).join("\n"));
      const jsonl = `${folder}/r.jsonl`;
      const { code, stdout, stderr } = await evaluate([
        ...["--task", "multiple-choice", path, "--jsonl", jsonl, "--overwrite"],
      ]);
      const isGood = message.source === "^$";
      assertEquals([code, stdout === ""], [isGood ? 0 : 65, !isGood], stderr);
      assertMatch(stderr, message);
      if (isGood) Deno.removeSync(jsonl);
      else assertStringIncludes(stderr, `line 2 of "${path}"`);
      assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["q.jsonl"]);
    }
  });
});

Deno.test("evaluate --jsonl refuses a line that is not the result of its question", async () => {
  await withFolder(async (folder) => {
    const output = `${folder}/output.jsonl`;
    const args = ["--task", "piqa", PIQA, "--limit", "3", "--jsonl", output];
    assertEquals((await evaluate(args)).code, 0);
    const [header, first, ...others] = (await Deno.readTextFile(output)).split("\n");
    const { logProbabilities, isCorrect, ...rest } = JSON.parse(first);
    const whole = { ...rest, logProbabilities, isCorrect };
    const damaged = [
      {},
      { ...whole, line: 7 },
      { ...whole, answer: 1 - whole.answer },
      { ...whole, logProbabilities: logProbabilities.slice(1) },
      { ...whole, logProbabilities: [...logProbabilities, -1] },
      { ...whole, logProbabilities: logProbabilities.map(String) },
      { ...whole, areGreedy: [false] },
      { ...whole, isCorrect: null },
      { ...whole, isCorrect: { ...isCorrect, acc: "yes" } },
      { ...whole, isCorrect: { acc: true } },
    ];
    for (const result of damaged) {
      const text = [header, JSON.stringify(result), ...others].join("\n");
      await Deno.writeTextFile(output, text);
      const { code, stdout, stderr } = await evaluate(args);
      assertEquals([code, stdout], [65, ""], JSON.stringify(result));
      assertMatch(
        stderr,
        /Cannot read line 2 of .*: it is not the result of the question of line 1/,
      );
      assertEquals(await Deno.readTextFile(output), text);
    }
    const numQuestions = (await Deno.readTextFile(PIQA)).trimEnd().split("\n").length;
    const lines = Array.from({ length: numQuestions + 1 }, (_, i) => {
      const { answer } = JSON.parse(first);
      return JSON.stringify({ ...whole, answer, line: i + 1 });
    });
    const labels = `${folder}/labels.lst`;
    await Deno.writeTextFile(labels, `${whole.answer}\n`.repeat(numQuestions));
    const same = [...args, "--labels", labels, "--overwrite"];
    assertEquals((await evaluate(same)).code, 0);
    const [ownHeader] = (await Deno.readTextFile(output)).split("\n");
    await Deno.writeTextFile(output, [ownHeader, ...lines, ""].join("\n"));
    const { code, stderr } = await evaluate(same.slice(0, -1));
    assertEquals(code, 65);
    assertStringIncludes(stderr, `there are only ${numQuestions} questions`);
  });
});

/** Whether this user may mount something, in a namespace of its own. */
const canMount = Deno.build.os === "linux" &&
  await new Deno.Command("unshare", { args: ["-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"] })
    .output().then(({ success }) => success, () => false);

Deno.test({
  name: "evaluate says how to go on when the disk is full",
  ignore: !canMount,
  async fn() {
    await withFolder(async (folder) => {
      const [questions, disk] = [`${folder}/questions.jsonl`, `${folder}/disk`];
      await Deno.writeTextFile(questions, (await Deno.readTextFile(CHOICES)).repeat(10));
      await Deno.mkdir(disk);
      const main = fileURLToPath(import.meta.resolve("../../mod.ts"));
      const { code, stderr } = await new Deno.Command("unshare", {
        args: [
          ...["-rm", "sh", "-c", 'mount -t tmpfs -o size=16k tmpfs "$1"; shift; exec "$@"', "sh"],
          ...[disk, Deno.execPath(), "run", "-A", "--quiet", main, "evaluate", questions],
          ...["--task", "multiple-choice", "--model", "demo", "--jsonl", `${disk}/r.jsonl`],
        ],
        stdin: "null",
      }).output();
      assertEquals(code, 74);
      assertMatch(new TextDecoder().decode(stderr), /Stopped: \d+ of 360 questions answered in /);
    });
  },
});

const wrong: [what: string, args: string[], code: number, message: RegExp][] = [
  ["no task", [PIQA], 2, /add --task with hellaswag, lambada, winogrande, piqa, arc, cloze/],
  ["another task", [PIQA, "--task", "mmlu"], 2, /--task .*"mmlu"/],
  ["no file", ["--task", "piqa"], 2, /needs questions: received none. Give the path of a file/],
  ["examples", [PIQA, "--num_fewshot", "5"], 2, /"--num_fewshot". .*zero-shot: leave it out/],
  ["two files", ["--task", "piqa", PIQA, "--file", "x"], 2, /from one file: received two/],
  ["stdin twice", ["--task", "piqa", "-", "--labels", "-"], 2, /received - for both/],
  [
    "a file that is not there",
    ["--task", "arc", "/no/such.jsonl"],
    66,
    /Cannot read the file: there is no such file: received "\/no\/such.jsonl"\. Check the path\.\n/,
  ],
  [
    "a file of another task",
    ["--task", "arc", PIQA],
    65,
    /line 1 of .*"question" is not an object/,
  ],
  ["labels of another task", ["--task", "arc", PIQA, "--labels", "x"], 2, /--labels is for piqa/],
  ["--overwrite alone", ["--task", "piqa", PIQA, "--overwrite"], 2, /the file of --jsonl/],
  [
    "to replace the questions",
    ["--task", "piqa", PIQA, "--jsonl", `${FIXTURES}../tasks/piqa.jsonl`],
    2,
    /would replace the questions/,
  ],
  [
    "a folder that is not there",
    ["--task", "piqa", PIQA, "--jsonl", "/no/such/output.jsonl"],
    74,
    /its folder does not exist/,
  ],
];

for (const [what, args, code, message] of wrong) {
  Deno.test(`evaluate refuses ${what}`, async () => {
    const result = await evaluate(args);
    assertEquals([result.code, result.stdout], [code, ""]);
    assertMatch(result.stderr, message);
  });
}
