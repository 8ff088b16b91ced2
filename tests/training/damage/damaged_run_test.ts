/** Damaged runs and adapters, some of them; `scripts/fuzz_training.ts` tries more. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { adapterPath, basePath } from "../../checkpoint/adapters/fixtures.ts";
import { runCli } from "../../cli/run_cli.ts";
import { Random } from "../../einops/random_pattern.ts";
import { withFiles } from "../data/with_files.ts";
import {
  copyFolder,
  resumeDamaged,
  RUN_FLAGS,
  RUN_TEXT,
  useDamagedAdapter,
} from "./damaged_run.ts";

const NUM_TRIES = 25;

function withRun(use: (folder: string) => Promise<void>) {
  return withFiles({ "text.txt": RUN_TEXT }, async (folder) => {
    const paths = ["--data", `${folder}/text.txt`, "--out", `${folder}/run`];
    assertEquals((await runCli(["train", ...paths, ...RUN_FLAGS])).code, 0);
    await use(folder);
  });
}

Deno.test("train --resume goes on with a damaged run, or says what is wrong with it", () =>
  withRun(async (folder) => {
    const outcomes = new Set<string>();
    for (let seed = 1; seed <= NUM_TRIES; seed++) {
      const copy = `${folder}/copy${seed}`;
      outcomes.add(await resumeDamaged(new Random(seed), `${folder}/run`, copy));
    }
    assert(outcomes.size > 1, [...outcomes].join());
  }));

Deno.test("a run that cannot go on says what can be done, and which of its models are there", () =>
  withRun(async (folder) => {
    const copy = `${folder}/copy`;
    const refusal = async (file: string, change: (text: Uint8Array) => Uint8Array) => {
      copyFolder(`${folder}/run`, copy);
      const path = `${copy}/${file}`;
      Deno.writeFileSync(path, change(Deno.readFileSync(path)));
      const { code, stderr } = await runCli(["train", "--resume", "--out", copy, "--steps", "6"]);
      assertEquals(code, file === "plan.json" ? 2 : 65, stderr);
      return stderr;
    };
    const cut = (bytes: Uint8Array) => bytes.subarray(0, bytes.length / 2);
    const zeros = (bytes: Uint8Array) => new Uint8Array(bytes.length);
    const remedy = (file: string) =>
      file.startsWith("tokenizer") ? "copy tokenizer.json from best to it, or " : "";
    const advice = (file: string) =>
      `The training run cannot go on without it: ${
        remedy(file)
      }begin again with --overwrite, or in another folder. ` +
      "There are still best, last, model.gguf.";
    for (
      const file of [
        "state.safetensors",
        "plan.json",
        "data/data.json",
        "data/train.bin",
        "data/val.bin",
        "tokenizer/tokenizer.json",
      ]
    ) {
      assertStringIncludes(await refusal(file, cut), advice(file), file);
      assertStringIncludes(await refusal(file, () => new Uint8Array()), advice(file), file);
      // Of zeros tokens may be made, and no text.
      if (!file.endsWith(".bin")) {
        assertStringIncludes(await refusal(file, zeros), advice(file), file);
      }
    }
    // A header of the right length that belongs to another file.
    const other = (bytes: Uint8Array) => {
      const text = new TextDecoder("latin1").decode(bytes).replace(
        "allformers.training",
        "allformers.trainings".slice(0, -1).toUpperCase(),
      );
      return Uint8Array.from(text, (character) => character.charCodeAt(0));
    };
    assertStringIncludes(await refusal("state.safetensors", other), advice("state.safetensors"));
  }));

Deno.test("a model of a run that is damaged says which others the run has made", () =>
  withRun(async (folder) => {
    const run = `${folder}/run`;
    const files: Record<string, string> = {
      "best/model.safetensors": "last, model.gguf",
      "best/config.json": "last, model.gguf",
      "last/model.safetensors": "best, model.gguf",
      "model.gguf": "best, last",
    };
    for (const [file, others] of Object.entries(files)) {
      const before = Deno.readFileSync(`${run}/${file}`);
      Deno.writeFileSync(`${run}/${file}`, before.subarray(0, before.length / 2));
      const model = `${run}/${file.replace(/\/.*/, "")}`;
      const { code, stderr } = await runCli(["generate", "The", "--model", model]);
      assertEquals(code, 65, stderr);
      assertStringIncludes(
        stderr,
        `use another model of this training run, or train again. There are still ${others}.`,
      );
      Deno.writeFileSync(`${run}/${file}`, before);
    }
  }));

Deno.test("train --resume leaves out of a log what is no event, and refuses a plan that is none", () =>
  withRun(async (folder) => {
    const resumed = async (file: string, change: (text: string) => string) => {
      const copy = `${folder}/${file}${Math.random()}`;
      copyFolder(`${folder}/run`, copy);
      Deno.writeTextFileSync(`${copy}/${file}`, change(Deno.readTextFileSync(`${copy}/${file}`)));
      const result = await runCli(["train", "--resume", "--out", copy, "--steps", "6"]);
      return { ...result, log: Deno.readTextFileSync(`${copy}/log.jsonl`) };
    };
    const lines = [
      ...["null", "1", "[]", '{"kind":"sample","step":1,"prompt":"x","text":[]}'],
      ...['{"kind":"begin","step":0,"time":[],"settings":{}}', '{"kind":"no","step":2}'],
    ];
    const { code, stderr, log } = await resumed(
      "log.jsonl",
      (text) => lines.join("\n") + `\n${text}`,
    );
    assertEquals(code, 0, stderr);
    for (const line of lines) assert(!log.split("\n").includes(line), line);
    for (
      const [from, to, message] of [
        ['"numLayers": 1', '"numLayers": "x"', "numLayers must be an integer"],
        ['"warmupSteps"', '"warmupStrps"', "Did you mean warmupSteps?"],
        ['"evaluateEvery": 2', '"evaluateEvery": -2', "is no plan of a training run"],
      ]
    ) {
      const refused = await resumed("plan.json", (text) => text.replace(from, to));
      assertEquals(refused.code, 2, refused.stderr);
      assert(refused.stderr.includes(message), refused.stderr);
    }
  }));

Deno.test("a damaged adapter is used if it can be, or refused", () =>
  withFiles({}, async (folder) => {
    const adapters = [
      adapterPath("patterns"),
      adapterPath("plain"),
      `${adapterPath("plain")}.gguf`,
    ];
    const outcomes = new Set<string>();
    for (let seed = 1; seed <= NUM_TRIES; seed++) {
      const copy = `${folder}/copy${seed}`;
      const adapter = adapters[seed % adapters.length];
      outcomes.add(await useDamagedAdapter(new Random(seed), basePath, adapter, copy));
    }
    assert(outcomes.size > 1, [...outcomes].join());
  }));
