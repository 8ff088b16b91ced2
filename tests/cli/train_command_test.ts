import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { GPT2 } from "../../mod.ts";
import { exists } from "../../src/base/files.ts";
import { Backend } from "../../src/tensor/backend.ts";
import { fasterPrecision } from "../../src/tensor/training/faster_precision.ts";
import { readTrainingRecord } from "../../src/training/training_state.ts";
import type { TrainingEvent } from "../../src/training/training_event.ts";
import { withFiles } from "../training/data/with_files.ts";
import { runCli, type RunOptions } from "./run_cli.ts";

/** Sentences of a few words in all orders: there is something to learn, and something to evaluate. */
const TEXT = Array.from({ length: 400 }, (_, i) => {
  const words = ["the cat", "a dog", "the old king", "nobody"];
  const verbs = ["sees", "hears", "forgets"];
  return `${words[i % 4]} ${verbs[(i * 7) % 3]} ${words[(i * i + 1) % 4]}.`;
}).join("\n");

const SMALL = [
  "--layers",
  "1",
  "--heads",
  "2",
  "--width",
  "16",
  "--context",
  "16",
  "--batch-size",
  "4",
  "--steps",
  "12",
  "--evaluate-every",
  "4",
  "--threads",
  "1",
];

const EVERY_EVENT = ["--json", "--log-every", "1"];

function train(args: string[], options?: RunOptions) {
  return runCli(["train", ...args], options);
}

function withText(run: (folder: string) => Promise<void>) {
  return withFiles({ "text.txt": TEXT }, run);
}

function eventsOf(out: string): TrainingEvent[] {
  return Deno.readTextFileSync(`${out}/log.jsonl`).trimEnd().split("\n").map((line) =>
    JSON.parse(line)
  );
}

/** The files in a folder and the folders in it, and what is in them. */
function contentsOf(folder: string): Record<string, Uint8Array> {
  const files = Array.from(Deno.readDirSync(folder), ({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory
      ? Object.entries(contentsOf(path)).map(([inner, bytes]) => [`${name}/${inner}`, bytes])
      : [[name, Deno.readFileSync(path)]];
  });
  return Object.fromEntries(files.flat());
}

Deno.test("train makes a model that can be run, and says what it does", () =>
  withText(async (folder) => {
    const out = `${folder}/new/out`;
    const { code, stdout, stderr } = await train([
      "--data",
      `${folder}/text.txt`,
      "--out",
      out,
      ...SMALL,
    ]);
    assertEquals([code, stdout], [0, `${out}/best\n`], stderr);
    assertStringIncludes(stderr, "tokens to learn from");
    assertEquals(Array.from(Deno.readDirSync(out), ({ name }) => name).sort(), [
      "best",
      "data",
      "last",
      "log.jsonl",
      "model.gguf",
      "plan.json",
      "report.html",
      "state.safetensors",
      "tokenizer",
    ]);
    const report = Deno.readTextFileSync(`${out}/report.html`);
    assertStringIncludes(report, "<h1>Training of out</h1>");
    assertStringIncludes(report, "Finished: 12 of 12 steps");
    const events = eventsOf(out);
    const losses = events.filter((event) => event.kind === "step").map(({ loss }) => loss);
    assertEquals(losses.length, 12);
    assert(losses.every(Number.isFinite));
    const evaluations = events.filter((event) => event.kind === "evaluation");
    assertEquals(evaluations.map(({ step }) => step), [0, 4, 8, 12]);
    assert(evaluations[3].loss < evaluations[0].loss, "it has learned nothing");
    assertEquals(events.at(-1)!.kind, "end");
    for (const model of [`${out}/best`, `${out}/last`, `${out}/model.gguf`]) {
      const generated = await runCli(["generate", "--model", model, "the", "-n", "4", "--greedy"]);
      assertEquals(generated.code, 0, generated.stderr);
      assert(generated.stdout.startsWith("the"), generated.stdout);
    }
  }));

Deno.test("train --resume goes on bit by bit as if it had never stopped", () =>
  withText(async (folder) => {
    const data = ["--data", `${folder}/text.txt`];
    const more = ["--dropout", "0.1", "--seed", "3"];
    await train([...data, "--out", `${folder}/whole`, ...SMALL, ...more]);
    const out = `${folder}/in parts`;
    const controller = new AbortController();
    const stopped = await train([...data, "--out", out, ...SMALL, ...more, ...EVERY_EVENT], {
      signal: controller.signal,
      onStdout: (text) => {
        if (text.includes('"kind":"step","step":6')) controller.abort();
      },
    });
    assertEquals(stopped.code, 130);
    // It can be copied as a whole.
    assertMatch(stopped.stderr, /Go on with\n {2}.* train --resume --out (['"]).*in parts\1\n/);
    const before = eventsOf(out);
    const end = before.at(-1)!;
    assert(end.kind === "end" && end.reason === "stopped", JSON.stringify(end));
    assert(end.step >= 6 && end.step < 12, `${end.step}`);
    const { code, stderr } = await train(["--resume", "--out", out, "--threads", "1"]);
    assertEquals(code, 0, stderr);
    const stepsOf = (out: string) =>
      eventsOf(out).filter((event) => event.kind === "step").map((
        { step, loss, gradientNorm },
      ) => [step, loss, gradientNorm]);
    assertEquals(stepsOf(out), stepsOf(`${folder}/whole`));
    for (const file of ["last/model.safetensors", "best/model.safetensors"]) {
      assertEquals(
        Deno.readFileSync(`${out}/${file}`),
        Deno.readFileSync(`${folder}/whole/${file}`),
        file,
      );
    }
  }));

Deno.test("train --precision auto notes which one it is, and goes on in it on another machine", () =>
  withText(async (folder) => {
    const out = `${folder}/out`;
    const settings = ["--precision", "auto", "--preset", "demo", "--tokenizer", "char"];
    await train(["--data", `${folder}/text.txt`, "--out", out, ...settings, ...SMALL]);
    const planned = () => JSON.parse(Deno.readTextFileSync(`${out}/plan.json`));
    const begun = () =>
      eventsOf(out).filter((event) => event.kind === "begin").map(({ settings }) =>
        settings.precision
      );
    using backend = Backend.cpu({ threads: 1 });
    const here = fasterPrecision(backend);
    assertEquals([planned().training.precision, ...begun()], [here, here]);
    // As a machine has it on which the other one is faster.
    const other = here === "f32" ? "bf16" : "f32";
    const plan = planned();
    plan.training.precision = other;
    Deno.writeTextFileSync(`${out}/plan.json`, JSON.stringify(plan));
    assertEquals((await train(["--resume", "--out", out, "--steps", "14"])).code, 0);
    assertEquals([planned().training.precision, ...begun()], [other, here, other]);
  }));

Deno.test("train reckons the time that is left from steps, not from the evaluation before them", () =>
  withText(async (folder) => {
    const out = `${folder}/out`;
    await train(["--data", `${folder}/text.txt`, "--out", out, ...SMALL, ...EVERY_EVENT]);
    const first = eventsOf(out).find((event) => event.kind === "step")!;
    assert(first.kind === "step" && first.step === 1);
    const msOfStep = 1000 * 4 * 16 / first.tokensPerSecond;
    assertAlmostEquals(first.remainingMs / msOfStep, 11, 1e-9);
  }));

Deno.test("train --resume after a process was killed goes on from the last state", () =>
  withText(async (folder) => {
    const out = `${folder}/out`;
    await train(["--data", `${folder}/text.txt`, "--out", out, ...SMALL]);
    const whole = eventsOf(out);
    // As a process leaves it that is killed after step 12, when step 8 was the last that was saved.
    const again = `${folder}/again`;
    const controller = new AbortController();
    await train(["--data", `${folder}/text.txt`, "--out", again, ...SMALL, ...EVERY_EVENT], {
      signal: controller.signal,
      onStdout: (text) => {
        if (text.includes('"step":8,"what":"state"')) {
          Deno.copyFileSync(`${again}/state.safetensors`, `${folder}/kept`);
          controller.abort();
        }
      },
    });
    Deno.renameSync(`${folder}/kept`, `${again}/state.safetensors`);
    Deno.writeTextFileSync(`${again}/log.jsonl`, '{"kind":"step","step":9,"loss":1}\n{"kind":"st', {
      append: true,
    });
    assertEquals((await train(["--resume", "--out", again])).code, 0);
    const losses = (events: TrainingEvent[]) =>
      events.filter((event) => event.kind === "step").map(({ step, loss }) => [step, loss]);
    assertEquals(losses(eventsOf(again)), losses(whole));
  }));

Deno.test("train --init fine-tunes a model, whose tokenizer stays", () =>
  withText(async (folder) => {
    const first = `${folder}/first`;
    await train([
      "--data",
      `${folder}/text.txt`,
      "--out",
      first,
      ...SMALL,
      "--tokenizer",
      "bpe:270",
    ]);
    const out = `${folder}/tuned`;
    const { code, stderr } = await train([
      "--data",
      `${folder}/text.txt`,
      "--init",
      `${first}/best`,
      "--out",
      out,
      "--steps",
      "3",
      "--learning-rate",
      "1e-3",
      "--freeze",
      "*Embedding",
    ]);
    assertEquals(code, 0, stderr);
    using before = await GPT2.fromPretrained(`${first}/best`);
    using after = await GPT2.fromPretrained(`${out}/last`);
    assertEquals(after.config, before.config);
    assertEquals(after.tokenizer!.encode(TEXT), before.tokenizer!.encode(TEXT));
    const losses = eventsOf(out).filter((event) => event.kind === "evaluation");
    assert(losses.at(-1)!.loss < losses[0].loss, "it has learned nothing");
  }));

Deno.test("train --tokenizer char is a kind of tokenizer, whatever there is of that name", () =>
  withText(async (folder) => {
    const before = Deno.cwd();
    Deno.mkdirSync(`${folder}/char`);
    const data = await Deno.realPath(`${folder}/text.txt`);
    const out = `${await Deno.realPath(folder)}/out`;
    Deno.chdir(folder);
    try {
      const { code, stderr } = await train(["--data", data, "--out", out, ...SMALL]);
      assertEquals(code, 0, stderr);
    } finally {
      Deno.chdir(before);
    }
  }));

Deno.test("train tells what is wrong before it trains, and leaves a run alone", () =>
  withFiles({
    "text.txt": TEXT,
    "short.txt": "too short",
    "bad.json": "{",
    "unknown.json": '{"modle": {}}',
    "option.json": '{"training": {"numStep": 3}}',
    "tokens/train.bin": "abcd",
    "tokens/val.bin": "abcd",
  }, async (folder) => {
    const data = ["--data", `${folder}/text.txt`];
    const out = ["--out", `${folder}/out`];
    const refused = async (args: string[], code: number, message: string) => {
      const result = await train(args);
      assertStringIncludes(result.stderr, message);
      assertEquals(result.code, code, result.stderr);
    };
    await refused([...data], 2, "train needs --out <folder>");
    await refused([...out], 2, "train needs --data <path>");
    await refused(["--resume", ...out], 2, "There is no training run in");
    await refused(
      [...data, ...out, "--init", "demo", "--layers", "3"],
      2,
      "--layers is for a new model",
    );
    await refused([...data, ...out, "--config", `${folder}/bad.json`], 2, "is not JSON");
    await refused([...data, ...out, "--config", `${folder}/unknown.json`], 2, 'received "modle"');
    await refused(
      [...data, ...out, "--config", `${folder}/option.json`],
      2,
      "Did you mean numSteps?",
    );
    await refused(
      ["--data", `${folder}/tokens`, ...out],
      2,
      "no tokenizer that they are of",
    );
    await refused([...data, ...out, "--tokenizer", "bpe:12"], 2, "takes 257 to 1048576 tokens");
    await refused([...data, ...out, "--heads", "5"], 2, "numHeads must divide embeddingDim");
    await refused(
      ["--data", `${folder}/short.txt`, ...out, ...SMALL],
      2,
      `"${folder}/short.txt" is too short to learn from: with --context 16 that takes 17 tokens: received 8, ` +
        "beside 1 for validation. Give more text, or choose a shorter --context, 7 at most.",
    );
    await refused(["--data", `${folder}/none`, ...out, ...SMALL], 66, "none");
    assertEquals((await train([...data, ...out, ...SMALL, "--steps", "2"])).code, 0);
    const before = Deno.readFileSync(`${folder}/out/state.safetensors`);
    await refused([...data, ...out, ...SMALL], 2, "there is a training run in it");
    await refused([...data, "--out", `${folder}/text.txt`, ...SMALL], 2, "received a file");
    const noConfig = `Cannot open "${folder}/none.json": there is no such file`;
    await refused([...data, ...out, "--config", `${folder}/none.json`], 66, noConfig);
    await refused([...data, ...out, "--config", folder], 66, "received a folder");
    for (
      const [flag, path] of [["--data", "data"], ["--init", "last"], ["--tokenizer", "tokenizer"]]
    ) {
      const given = [...flag === "--data" ? [] : data, flag, `${folder}/out/${path}`];
      await refused([...given, ...out, "--overwrite"], 2, `received ${flag} `);
    }
    await refused(["--data", `${folder}/none`, ...out, "--overwrite"], 66, "none");
    await refused(["--resume", ...out, "--overwrite"], 2, "--overwrite does not go with");
    await refused(["--resume", ...out, "--seed", "20"], 2, "--seed does not go with --resume");
    assertEquals(Deno.readFileSync(`${folder}/out/state.safetensors`), before);
    const plan = JSON.parse(Deno.readTextFileSync(`${folder}/out/plan.json`));
    delete plan.model.numLayers;
    Deno.writeTextFileSync(`${folder}/out/plan.json`, JSON.stringify(plan));
    await refused(["--resume", ...out], 2, "numLayers must be an integer");
  }));

Deno.test("train refuses sizes that no memory holds, with how much they take", () =>
  withText(async (folder) => {
    const paths = ["--data", `${folder}/text.txt`, "--out", `${folder}/out`];
    const refused = async (...args: string[]) => {
      const { code, stderr } = await train([...paths, ...SMALL, ...args]);
      assertEquals(code, 2, `${args.join(" ")}: ${stderr}`);
      assert(!exists(`${folder}/out`), `${args.join(" ")} left a folder behind`);
      return stderr;
    };
    for (const args of [["--width", "1000000"], ["--width", "100000", "--layers", "1000"]]) {
      const said = await refused(...args);
      assertMatch(said, /[\d,]+ wide, .* has [\d,]+ weights: .* takes [\d,.]+ GB, more .*memory/);
      assertStringIncludes(said, "Choose a smaller --width, fewer --layers,");
    }
    const batch = await refused("--batch-size", "1000000");
    assertMatch(
      batch,
      / 1000000 texts of 16 tokens takes [\d,.]+ GB, more .*memory.*\. Lower batchSize/,
    );
    // Larger ones are none at all.
    for (
      const flag of [
        "--width",
        "--layers",
        "--heads",
        "--context",
        "--batch-size",
        "--accumulation",
        "--steps",
      ]
    ) {
      await refused(flag, "1000000000000000");
    }
  }));

Deno.test("train leaves a folder as it was where it fails before the first step", () =>
  withFiles({ "text.txt": TEXT, "short.txt": "too short" }, async (folder) => {
    const data = ["--data", `${folder}/text.txt`];
    const former = `${folder}/former`;
    await train([...data, "--out", former, ...SMALL]);
    const before = contentsOf(former);
    for (
      const args of [
        ["--data", `${folder}/short.txt`, ...SMALL],
        [...data, ...SMALL, "--sample-prompt", "\u1234"],
        [...data, ...SMALL, "--heads", "5"],
        [...data, ...SMALL, "--freeze", "blocks.7.*"],
        [...data, "--init", former, "--context", "4096"],
        [...data, "--init", `${folder}/none`],
      ]
    ) {
      const made = await train([...args, "--out", `${folder}/new/out`]);
      assertNotEquals(made.code, 0, args.join(" "));
      assert(!exists(`${folder}/new`), `${args.join(" ")} left a folder behind`);
      const replaced = await train([...args, "--out", former, "--overwrite"]);
      assertNotEquals(replaced.code, 0, args.join(" "));
      assertEquals(contentsOf(former), before, args.join(" "));
    }
    assertEquals((await train(["--resume", "--out", former])).code, 0);
  }));

Deno.test("train says so where there is too little to evaluate", () =>
  withText(async (folder) => {
    const data = ["--data", `${folder}/text.txt`, "--validation-share", "0.001"];
    const { code, stdout, stderr } = await train([...data, "--out", `${folder}/out`, ...SMALL]);
    assertEquals([code, stdout], [0, `${folder}/out/last\n`]);
    assertStringIncludes(stderr, "Nothing is evaluated, and there will be no best/");
    const none = [...data.slice(0, 2), "--validation-share", "0", "--out", `${folder}/none`];
    assert(!(await train([...none, ...SMALL])).stderr.includes("Nothing is evaluated"));
  }));

Deno.test("train refuses a folder with a run before it changes anything in it, and goes on without the text", () =>
  withFiles({ "text.txt": TEXT, "other.txt": TEXT.replaceAll("cat", "dog") }, async (folder) => {
    const out = `${folder}/out`;
    await train(["--data", `${folder}/text.txt`, "--out", out, ...SMALL]);
    const files = ["plan.json", "data/data.json", "data/train.bin", "tokenizer/tokenizer.json"];
    const contents = () => files.map((file) => Deno.readTextFileSync(`${out}/${file}`));
    const before = contents();
    const refused = await train([
      "--data",
      `${folder}/other.txt`,
      "--out",
      out,
      ...SMALL,
      "--tokenizer",
      "bpe:300",
    ]);
    assertEquals(refused.code, 2);
    assertEquals(contents(), before);
    Deno.removeSync(`${folder}/text.txt`);
    const { code, stderr } = await train(["--resume", "--out", out]);
    assertEquals(code, 0, stderr);
    assertEquals(contents(), before);
  }));

Deno.test("train --resume refuses tokens that are cut, also where nothing says how many there were", () =>
  withText(async (folder) => {
    const out = `${folder}/out`;
    await train(["--data", `${folder}/text.txt`, "--out", out, ...SMALL]);
    const path = `${out}/data/train.bin`;
    Deno.truncateSync(path, Deno.statSync(path).size - 8);
    const cut = await train(["--resume", "--out", out, "--steps", "16"]);
    assertEquals(cut.code, 65);
    assertStringIncludes(cut.stderr, "tokens of data.json");
    assertStringIncludes(
      cut.stderr,
      "begin again with --overwrite, or in another folder. There are",
    );
    Deno.removeSync(`${out}/data/data.json`);
    const unknown = await train(["--resume", "--out", out, "--steps", "16"]);
    assertEquals(unknown.code, 65);
    assertStringIncludes(unknown.stderr, "there is no data.json in it");
  }));

Deno.test("train --resume --steps goes on beyond the last step, and a run that is done stays as it is", () =>
  withText(async (folder) => {
    const out = `${folder}/out`;
    await train(["--data", `${folder}/text.txt`, "--out", out, ...SMALL]);
    const before = Deno.readFileSync(`${out}/state.safetensors`);
    const done = await train(["--resume", "--out", out]);
    assertEquals([done.code, done.stdout], [0, `${out}/best\n`]);
    assertStringIncludes(done.stderr, "finished: all of its 12 steps are done");
    assertStringIncludes(done.stderr, "a larger number of steps in all, such as --steps 24");
    assertEquals((await train(["--resume", "--out", out, "--steps", "12"])).code, 0);
    const json = await train(["--resume", "--out", out, "--json"]);
    assertEquals([json.code, JSON.parse(json.stdout)], [0, eventsOf(out).at(-1)]);
    const fewer = await train(["--resume", "--out", out, "--steps", "5"]);
    assertEquals([fewer.code, fewer.stdout], [2, ""]);
    assertStringIncludes(
      fewer.stderr,
      "has done 12 steps already: received --steps 5, which counts all steps from the first one. " +
        "Give more than 12",
    );
    assertEquals(Deno.readFileSync(`${out}/state.safetensors`), before);
    const { code, stderr } = await train(["--resume", "--out", out, "--steps", "16"]);
    assertEquals(code, 0, stderr);
    assertEquals(eventsOf(out).filter(({ kind }) => kind === "step").length, 16);
    assertStringIncludes(
      stderr,
      "The run was begun with 12 steps: with 16 the learning rate falls",
    );
    assertMatch(stderr, /^finished 4 steps in 0:0\d \(with those before, 16 steps in 0:0\d\)/m);
  }));

Deno.test("train goes on to its end where nobody reads its output any more", () =>
  withText(async (folder) => {
    const out = `${folder}/out`;
    const { code } = await train(
      ["--data", `${folder}/text.txt`, "--out", out, ...SMALL, ...EVERY_EVENT],
      { numWrites: 8 },
    );
    assertEquals(code, 0);
    assertEquals(readTrainingRecord(`${out}/state.safetensors`).step, 12);
    assertEquals(eventsOf(out).at(-1)!.kind, "end");
    assert(Deno.statSync(`${out}/last/model.safetensors`).isFile);
  }));

Deno.test("train stops where the loss is no number, and keeps the weights before", () =>
  withText(async (folder) => {
    const out = `${folder}/out`;
    const { code, stderr } = await train([
      "--data",
      `${folder}/text.txt`,
      "--out",
      out,
      ...SMALL,
      "--learning-rate",
      "1e30",
      "--warmup-steps",
      "0",
    ]);
    assertStringIncludes(stderr, "Lower the learning rate");
    assert(code !== 0);
    const end = eventsOf(out).at(-1)!;
    assert(end.kind === "end" && end.reason === "diverged");
    assert(Deno.statSync(`${out}/state.safetensors`).isFile);
  }));

Deno.test("train --overwrite begins anew in the folder of a run, of which nothing stays", () =>
  withText(async (folder) => {
    const [data, out] = [["--data", `${folder}/text.txt`], `${folder}/out`];
    await train([...data, "--out", out, ...SMALL]);
    Deno.writeTextFileSync(`${out}/notes.txt`, "not of the run");
    const again = await train([
      ...[...data, "--out", out, ...SMALL, "--overwrite", "--steps", "2"],
      ...["--tokenizer", "bpe:300", "--validation-share", "0"],
    ]);
    assertEquals([again.code, again.stdout], [0, `${out}/last\n`], again.stderr);
    assertEquals(eventsOf(out).filter(({ kind }) => kind === "step").length, 2);
    assertEquals(Deno.readTextFileSync(`${out}/notes.txt`), "not of the run");
  }));

Deno.test("train evaluates at each fifth of its steps, and says so where it is stopped before the first", () =>
  withText(async (folder) => {
    const [data, out] = [["--data", `${folder}/text.txt`], `${folder}/out`];
    const flags = SMALL.filter((flag, i) =>
      flag !== "--evaluate-every" && SMALL[i - 1] !== "--evaluate-every"
    );
    const stop = new AbortController();
    const stopped = await train([...data, "--out", out, ...flags, ...EVERY_EVENT], {
      signal: stop.signal,
      onStdout: (text) => text.includes('"kind":"step"') && stop.abort(),
    });
    assertEquals(stopped.code, 130);
    assertStringIncludes(stopped.stderr, `there is no best/, the model is ${out}/last\n`);
    assertEquals((await train(["--resume", "--out", out])).code, 0);
    const evaluated = eventsOf(out).filter(({ kind }) => kind === "evaluation");
    assertEquals(evaluated.map(({ step }) => step), [0, 3, 6, 9, 12]);
  }));
