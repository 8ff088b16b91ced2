/** Damaged runs and adapters, some of them; `scripts/fuzz_training.ts` tries more. */
import { assert, assertEquals } from "@std/assert";
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
