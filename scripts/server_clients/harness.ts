/**
 * Runs lm-evaluation-harness on tasks that are made here.
 *
 * @module
 */
import type { Tokenizer } from "../../mod.ts";

/** Of one request. */
export type Answer = string | readonly [logProbability: number, isGreedy: boolean];

/** What the harness found. */
export interface Result {
  /** By task and metric. */
  readonly metrics: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** By task, in the order of the items: [log-probability, whether greedy] or what was written. */
  readonly answers: Readonly<Record<string, readonly Answer[]>>;
}

/** Those that are made here, and those of scripts/make_evaluation_reference.py. */
const TASKS: readonly string[] = [
  ...["shakespeare_choice", "shakespeare_lines", "made-up-hellaswag", "made-up-lambada"],
  ...["made-up-winogrande", "made-up-piqa", "made-up-arc", "made-up-cloze"],
  "made-up-multiple-choice",
];
const NUM_ITEMS = 40;
const NUM_CHOICES = 4;

const CHOICE_TASK = `task: shakespeare_choice
dataset_path: json
dataset_kwargs:
  data_files: {validation: FOLDER/choice.jsonl}
validation_split: validation
output_type: multiple_choice
doc_to_text: "{{context}}"
doc_to_choice: "{{choices}}"
doc_to_target: "{{answer}}"
target_delimiter: ""
metric_list:
  - {metric: acc, aggregation: mean, higher_is_better: true}
  - {metric: acc_norm, aggregation: mean, higher_is_better: true}
`;

const LINES_TASK = `task: shakespeare_lines
dataset_path: json
dataset_kwargs:
  data_files: {validation: FOLDER/choice.jsonl}
validation_split: validation
output_type: generate_until
doc_to_text: "{{context}}"
doc_to_target: "{{choices[answer]}}"
target_delimiter: ""
generation_kwargs: {until: ["\\n\\n", ":"], max_gen_toks: 16, do_sample: false, temperature: 0}
metric_list:
  - {metric: exact_match, aggregation: mean, higher_is_better: true}
`;

/**
 * Writes the tasks: lines of Shakespeare, each with how it goes on, and how other ones do; and benchmarks that are made up, in
 * the harness's own forms.
 */
export async function writeTasks(
  folder: string,
  { tokenizer, python }: { tokenizer: Tokenizer; python: string },
): Promise<void> {
  await Deno.mkdir(folder);
  const fixture = new URL("../../tests/fixtures/tinyshakespeare.txt.gz", import.meta.url);
  const { body } = new Response((await Deno.open(fixture)).readable);
  const text = await new Response(body!.pipeThrough(new DecompressionStream("gzip"))).text();
  const speeches = text.split("\n\n").filter((speech) =>
    speech.length > 150 && tokenizer.encode(speech).length < 200
  );
  const step = Math.floor(speeches.length / (NUM_ITEMS * NUM_CHOICES));
  const halves = Array.from({ length: NUM_ITEMS * NUM_CHOICES }, (_, i) => {
    const speech = speeches[i * step];
    const middle = speech.indexOf(" ", speech.length / 2);
    return [speech.slice(0, middle), speech.slice(middle, middle + 30)];
  });
  const items = Array.from({ length: NUM_ITEMS }, (_, i) => {
    const own = halves.slice(i * NUM_CHOICES, (i + 1) * NUM_CHOICES);
    const answer = i % NUM_CHOICES;
    return { context: own[answer][0], choices: own.map(([, end]) => end), answer };
  });
  await Deno.writeTextFile(
    `${folder}/choice.jsonl`,
    items.map((item) => JSON.stringify(item) + "\n").join(""),
  );
  await Deno.writeTextFile(`${folder}/choice.yaml`, CHOICE_TASK.replace("FOLDER", folder));
  await Deno.writeTextFile(`${folder}/lines.yaml`, LINES_TASK.replace("FOLDER", folder));
  const script = new URL("../make_evaluation_reference.py", import.meta.url).pathname;
  const { success, stderr } = await new Deno.Command(python, { args: [script, "--tasks", folder] })
    .output();
  if (!success) throw new Error(`${script} failed:\n${new TextDecoder().decode(stderr)}`);
}

/** Runs the harness. */
export async function runHarness(
  model: string,
  modelArgs: string,
  { python, folder, batchSize = 1 }: {
    python: string;
    folder: string;
    batchSize?: number;
  },
): Promise<Result> {
  const path = await Deno.makeTempDir({ dir: folder });
  const { success, stderr } = await new Deno.Command(python, {
    args: [
      ...["-m", "lm_eval", "run", "--model", model, "--model_args", modelArgs],
      ...["--tasks", TASKS.join(","), "--include_path", `${folder}/tasks`],
      ...["--output_path", path, "--log_samples"],
      ...["--batch_size", String(batchSize)],
      ...(model === "hf" ? ["--device", "cpu"] : []),
    ],
    env: { HF_HUB_OFFLINE: "1", OPENAI_API_KEY: "none", HF_DATASETS_CACHE: `${folder}/datasets` },
  }).output();
  if (!success) throw new Error(`lm_eval failed:\n${new TextDecoder().decode(stderr)}`);
  return await readResult(path);
}

async function readResult(path: string): Promise<Result> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(path)) {
    if (!isDirectory) files.push(`${path}/${name}`);
    else {for await (const each of Deno.readDir(`${path}/${name}`)) {
        files.push(`${path}/${name}/${each.name}`);
      }}
  }
  const read = (part: string) => Deno.readTextFile(files.find((name) => name.includes(part))!);
  const { results } = JSON.parse(await read("results_"));
  const metrics = Object.fromEntries(TASKS.map((task) => [
    task,
    Object.fromEntries(
      Object.entries(results[task]).filter(([name, value]) =>
        typeof value === "number" && name.includes(",none") && !name.includes("stderr")
      ),
    ) as Record<string, number>,
  ]));
  const answers: Record<string, Answer[]> = {};
  for (const task of TASKS) {
    answers[task] = [];
    const items = (await read(`samples_${task}`)).trim().split("\n").map((line) =>
      JSON.parse(line)
    );
    items.sort((a, b) => a.doc_id - b.doc_id);
    for (const { filtered_resps: resps } of items) {
      for (const resp of resps) {
        answers[task].push(
          Array.isArray(resp)
            ? [Number(resp[0]), String(resp[1]) === "True" || resp[1] === true]
            : resp,
        );
      }
    }
  }
  return { metrics, answers };
}
