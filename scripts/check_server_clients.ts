/**
 * Has the clients of other people use the server: curl, OpenAI's Python client, and lm-evaluation-harness, whose numbers have
 * to be those that it gets from transformers for the same checkpoint.
 *
 *     deno run -A scripts/check_server_clients.ts [--python python3]
 *
 * The Python needs `openai`, `lm_eval==0.4.13`, `torch` and `transformers`. OpenAI's client for JavaScript is in the tests.
 *
 * @module
 */
import { GPT2 } from "../mod.ts";
import { parseFlags } from "./parse_flags.ts";
import { startServer } from "./start_server.ts";
import { type Result, runHarness, writeTasks } from "./server_clients/harness.ts";

const MODEL_NAME = "demo";

/** What the two ways of computing may differ by in a log-probability: both sum F32 numbers, in other orders. */
const TOLERANCE = 2e-3;

async function output(command: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    env: { OPENAI_API_KEY: "none", HF_HUB_OFFLINE: "1" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!success) throw new Error(`${command} ${args.join(" ")} failed:\n${text(stderr)}`);
  return text(stdout);
}

async function checkCurl(url: string): Promise<void> {
  const body = JSON.stringify({ prompt: "ROMEO:", max_tokens: 8, seed: 1 });
  const header = "content-type: application/json";
  const address = `${url}/v1/completions`;
  const { choices } = JSON.parse(
    await output("curl", ["-sS", "--fail-with-body", address, "-H", header, "-d", body]),
  );
  const streamed = await output("curl", [
    ...["-sSN", address, "-H", header, "-d", JSON.stringify({ ...JSON.parse(body), stream: true })],
  ]);
  const text = [...streamed.matchAll(/^data: (\{.*)$/gm)]
    .map(([, json]) => JSON.parse(json).choices[0].text).join("");
  if (text !== choices[0].text) throw new Error(`curl: ${text} is not ${choices[0].text}`);
  console.log(`curl: ${JSON.stringify(text)}, the same streamed`);
}

async function checkPython(python: string, url: string): Promise<void> {
  const path = new URL("server_clients/openai_client.py", import.meta.url);
  console.log((await output(python, [path.pathname, `${url}/v1`, MODEL_NAME])).trim());
}

/** Throws unless two runs of the harness agree in all tasks of the first. */
function compare(name: string, ours: Result, theirs: Result): void {
  let [most, numAnswers] = [0, 0];
  for (const [task, metrics] of Object.entries(ours.metrics)) {
    const answers = theirs.answers[task];
    if (ours.answers[task].length !== answers.length) {
      throw new Error(`${name}: not as many answers of ${task}`);
    }
    for (const [i, answer] of answers.entries()) {
      const own = ours.answers[task][i];
      const isOff = typeof answer === "string" || typeof own === "string"
        ? own !== answer
        : own[1] !== answer[1] || Math.abs(own[0] - answer[0]) > TOLERANCE;
      if (isOff) throw new Error(`${name}: answer ${i} of ${task} is ${own}, not ${answer}`);
      if (typeof answer !== "string") most = Math.max(most, Math.abs(Number(own[0]) - answer[0]));
      numAnswers++;
    }
    for (const [metric, value] of Object.entries(theirs.metrics[task])) {
      // What is counted is equal; a perplexity follows from the log-probabilities.
      const isSame = metric.startsWith("perplexity")
        ? Math.abs(metrics[metric] / value - 1) < TOLERANCE
        : metrics[metric] === value;
      if (!isSame) {
        throw new Error(`${name}: ${task} ${metric} is ${metrics[metric]}, not ${value}`);
      }
    }
  }
  console.log(
    `lm-evaluation-harness, ${name}: ${JSON.stringify(ours.metrics)} as transformers; ` +
      `${numAnswers} answers, log-probabilities differ by at most ${most.toExponential(1)}`,
  );
}

if (import.meta.main) {
  const { values: { python = "python3" } } = parseFlags(
    Deno.args,
    { values: ["python"] },
  );
  const folder = await Deno.makeTempDir();
  try {
    const model = `${folder}/model`;
    {
      using demo = await GPT2.fromPretrained("demo");
      await demo.saveSafetensors(model);
      await writeTasks(`${folder}/tasks`, { tokenizer: demo.tokenizer!, python });
    }
    const { child, url } = await startServer([
      ...["--model", model, "--model-name", MODEL_NAME],
      ...["--type", "f32", "--allow-special"],
    ]);
    try {
      await checkCurl(url);
      await checkPython(python, url);
      const about = { python, folder };
      // Of longer texts the last 255 tokens count, as in `local-completions` with a context of 256. The cache takes wrong
      // tokens' logits for a text that occurs with contexts of two lengths.
      const theirs = await runHarness(
        "hf",
        `pretrained=${model},dtype=float32,max_length=254,logits_cache=False`,
        about,
      );
      const address = `base_url=${url}/v1/completions,model=${MODEL_NAME},max_length=256`;
      for (const isTokenized of [true, false]) {
        for (const [numConcurrent, batchSize] of [[1, 1], [4, 8]]) {
          const requests = `tokenized_requests=${isTokenized ? "True" : "False"}`;
          const args = `${address},${requests},num_concurrent=${numConcurrent}`;
          const ours = await runHarness("local-completions", args, { ...about, batchSize });
          compare(`${requests}, ${numConcurrent} x ${batchSize} at a time`, ours, theirs);
        }
      }
    } finally {
      child.kill("SIGTERM");
    }
    const { code } = await child.status;
    if (code !== 0) throw new Error(`the server ended with ${code}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
