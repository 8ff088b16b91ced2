/** The folder of a training run, where a model or an adapter is wanted; and what `train --lora` writes. */
import { resolve } from "node:path";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { GPT2, GPT2Config } from "../../mod.ts";
import { basePath } from "../checkpoint/adapters/fixtures.ts";
import { withFiles } from "../training/data/with_files.ts";
import { runCli } from "./run_cli.ts";

const TEXT = "One fine day the sun rose, and nobody saw it. ".repeat(60);

const FLAGS = ["--context", "16", "--batch-size", "2", "--steps", "3", "--threads", "1", "--quiet"];

async function run(...args: string[]) {
  const { code, stdout, stderr } = await runCli(args);
  assertEquals(code, 0, stderr);
  return { stdout, stderr };
}

Deno.test("a training run stands for the best that it has made, which is said", () =>
  withFiles({ "text.txt": TEXT }, async (folder) => {
    const [data, out] = [`${folder}/text.txt`, `${folder}/run`];
    const sizes = ["--layers", "1", "--heads", "2", "--width", "16"];
    await run("train", "--data", data, "--out", out, ...sizes, ...FLAGS);
    const notice = `is a training run: using ${out}/best\n`;
    const generate = ["generate", "One", "--greedy", "-n", "8"];
    const expected = await run(...generate, "--quiet", "--model", `${out}/best`);
    const { stdout, stderr } = await run(...generate, "--model", `${out}/`);
    assertEquals(stdout, expected.stdout);
    assertStringIncludes(stderr, notice);
    assertEquals((await run(...generate, "--quiet", "--model", out)).stderr, "");
    assertStringIncludes((await run("info", out)).stderr, notice);
    const tuned = `${folder}/tuned`;
    const { stderr: training } = await run(
      ...["train", "--data", data, "--init", out, "--out", tuned],
      ...FLAGS.filter((flag) => flag !== "--quiet"),
    );
    assertStringIncludes(training, notice);
    assertEquals(
      JSON.parse(Deno.readTextFileSync(`${tuned}/plan.json`)).init,
      resolve(out, "best"),
    );
    // What was not evaluated has only a last one.
    const unevaluated = `${folder}/unevaluated`;
    const flags = ["--validation-share", "0", ...sizes, ...FLAGS];
    await run("train", "--data", data, "--out", unevaluated, ...flags);
    assertStringIncludes((await run("info", unevaluated)).stderr, "using " + unevaluated + "/last");
  }));

Deno.test("a training run that was killed before it saved anything is no model yet; what to do is said", () =>
  withFiles({ "text.txt": TEXT }, async (folder) => {
    const [data, out] = [`${folder}/text.txt`, `${folder}/run`];
    const sizes = ["--layers", "1", "--heads", "2", "--width", "16"];
    await run("train", "--data", data, "--out", out, ...sizes, ...FLAGS);
    for (const name of ["best", "last", "model.gguf", "state.safetensors"]) {
      await Deno.remove(`${out}/${name}`, { recursive: true });
    }
    const resume = `train --resume --out "${out}"`;
    for (
      const args of [
        ["a", "--model", out],
        ["info", `${out}/`],
        ["a", "--model", "demo", "--adapter", out],
        ["train", "--data", data, "--init", out, "--out", `${folder}/tuned`],
      ]
    ) {
      const { code, stderr } = await runCli(args);
      assertEquals(code, 66, stderr);
      assertStringIncludes(stderr, "it is a training run that has saved nothing yet");
      assertStringIncludes(stderr, `mod.ts ${resume}\n`);
    }
    await run("train", "--resume", "--out", out, "--quiet");
    await run("generate", "One", "--greedy", "-n", "8", "--model", out);
    await Deno.remove(`${out}/plan.json`);
    for (const name of ["best", "last"]) await Deno.remove(`${out}/${name}`, { recursive: true });
    // There is a file in it that can be named.
    const { stderr } = await runCli(["info", out]);
    assertStringIncludes(stderr, `${out}/model.gguf`);
  }));

/** All files of a folder, by their path in it. */
function filesOf(folder: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) {
      for (const [path, text] of filesOf(`${folder}/${name}`)) files.set(`${name}/${path}`, text);
    } else files.set(name, Deno.readFileSync(`${folder}/${name}`).toHex());
  }
  return files;
}

const SMALL = ["--layers", "1", "--heads", "2", "--width", "16"];

Deno.test("train --resume writes what a run that was killed after its last step had not written yet", () =>
  withFiles({ "text.txt": TEXT }, async (folder) => {
    const out = `${folder}/run`;
    await run("train", "--data", `${folder}/text.txt`, "--out", out, ...SMALL, ...FLAGS);
    const expected = filesOf(out);
    const log = Deno.readTextFileSync(`${out}/log.jsonl`);
    const begin = log.slice(0, log.indexOf('{"kind":"saved","step":3,"what":"last"'));
    for (const missing of [["last", "model.gguf"], ["model.gguf"], []]) {
      for (const name of missing) await Deno.remove(`${out}/${name}`, { recursive: true });
      // One of an earlier run.
      if (missing.length === 0) await Deno.writeTextFile(`${out}/model.gguf`, "");
      await Deno.writeTextFile(`${out}/log.jsonl`, begin);
      await run("train", "--resume", "--out", out, "--quiet");
      const actual = filesOf(out);
      assertEquals([...actual.keys()].sort(), [...expected.keys()].sort());
      for (const [path, bytes] of expected) {
        if (/^(best|last|model.gguf)/.test(path)) assertEquals(actual.get(path), bytes, path);
      }
    }
    const { stderr } = await run("train", "--resume", "--out", out);
    assertStringIncludes(stderr, "The run is finished");
  }));

Deno.test("train --resume finds the run that was to be replaced when a process was killed", () =>
  withFiles({ "text.txt": TEXT }, async (folder) => {
    const out = `${folder}/run`;
    await run("train", "--data", `${folder}/text.txt`, "--out", out, ...SMALL, ...FLAGS);
    const names = Array.from(Deno.readDirSync(out), ({ name }) => name);
    await Deno.mkdir(`${out}/replaced`);
    for (const name of names) await Deno.rename(`${out}/${name}`, `${out}/replaced/${name}`);
    await run("train", "--resume", "--out", out, "--steps", "4", "--quiet");
    assertEquals(Array.from(Deno.readDirSync(out), ({ name }) => name).sort(), names.sort());
  }));

Deno.test("train --resume refuses a state of which any bit has changed", () =>
  withFiles({ "text.txt": TEXT }, async (folder) => {
    const out = `${folder}/run`;
    await run("train", "--data", `${folder}/text.txt`, "--out", out, ...SMALL, ...FLAGS);
    const path = `${out}/state.safetensors`;
    const state = Deno.readFileSync(path);
    const headerEnd = 8 + Number(new DataView(state.buffer).getBigUint64(0, true));
    for (const part of [0, 0.3, 0.6, 0.9, 1]) {
      const damaged = state.slice();
      damaged[headerEnd + Math.floor(part * (state.length - headerEnd - 1))] ^= 0x40;
      Deno.writeFileSync(path, damaged);
      const { code, stderr } = await runCli(["train", "--resume", "--out", out, "--steps", "4"]);
      assertEquals(code, 65, stderr);
      assertStringIncludes(stderr, "it is damaged");
      assertStringIncludes(stderr, "best");
    }
  }));

Deno.test("train --lora writes of which model an adapter is, and its dropout; --adapter takes the run", () =>
  withFiles({ "text.txt": TEXT }, async (folder) => {
    const out = `${folder}/run`;
    await run(
      ...["train", "--data", `${folder}/text.txt`, "--init", basePath, "--out", out],
      ...["--lora", "rank=2,dropout=0.25,targets=qkv,mlp", ...FLAGS],
    );
    const { training } = JSON.parse(Deno.readTextFileSync(`${out}/plan.json`));
    assertEquals(training.adapterDropout, 0.25);
    const config = JSON.parse(Deno.readTextFileSync(`${out}/best/adapter_config.json`));
    assertEquals(config.lora_dropout, 0.25);
    assertEquals(Deno.realPathSync(config.base_model_name_or_path), Deno.realPathSync(basePath));
    assert(config.base_model_name_or_path.startsWith("/") || Deno.build.os === "windows");
    // A file that PEFT cannot load is named to nobody.
    await run("convert", basePath, "--output", `${folder}/base.gguf`, "--type", "f32");
    await run(
      ...["train", "--data", `${folder}/text.txt`, "--init", `${folder}/base.gguf`],
      ...["--out", `${folder}/packed`, "--lora", "rank=2", ...FLAGS],
    );
    const packed = Deno.readTextFileSync(`${folder}/packed/best/adapter_config.json`);
    assertEquals(JSON.parse(packed).base_model_name_or_path, null);
    const score = ["score", "One fine day", "--json", "--model", basePath, "--threads", "1"];
    const { stdout, stderr } = await run(...score, "--adapter", `${out}:0.5`);
    assertStringIncludes(stderr, `${out} is a training run: using ${out}/best\n`);
    assertEquals(stdout, (await run(...score, "--adapter", `${out}/best:0.5`)).stdout);
    using model = await GPT2.fromPretrained(basePath, { threads: 1 });
    const texts = await Promise.all([out, `${out}/best`].map(async (path) => {
      using adapter = await model.loadAdapter(path);
      return await model.generateText("One", { adapters: [adapter], maxNewTokens: 8, seed: 1 });
    }));
    assertEquals(texts[0], texts[1]);
    const merged = `${folder}/merged`;
    assertStringIncludes(
      (await run("merge", basePath, "--adapter", out, "--out", merged)).stderr,
      `using ${out}/best`,
    );
    const { code, stderr: wrong } = await runCli([
      ...["train", "--data", `${folder}/text.txt`, "--init", basePath, "--out", `${folder}/no`],
      ...["--lora", "rank=2,dropout=1.5"],
    ]);
    assertEquals(code, 2);
    assertStringIncludes(wrong, "dropout=<less than 1>");
  }));

Deno.test("train --resume refuses a run whose frozen weights are those of another model, and takes the same ones elsewhere", () =>
  withFiles({ "text.txt": TEXT }, async (folder) => {
    const data = ["--data", `${folder}/text.txt`];
    const sizes = ["--layers", "1", "--heads", "2", "--width", "16"];
    const [base, other] = await Promise.all(["1", "2"].map(async (seed) => {
      await run("train", ...data, "--out", `${folder}/${seed}`, "--seed", seed, ...sizes, ...FLAGS);
      return `${folder}/${seed}/best`;
    }));
    const resume = (out: string) =>
      runCli(["train", "--resume", "--steps", "4", "--out", `${folder}/${out}`]);
    const kinds = { lora: ["--lora", "rank=2"], freeze: ["--freeze", "*Embedding"], all: [] };
    for (const [out, flags] of Object.entries(kinds)) {
      await run("train", ...data, "--init", base, "--out", `${folder}/${out}`, ...flags, ...FLAGS);
    }
    Deno.copyFileSync(`${base}/model.safetensors`, `${folder}/kept`);
    Deno.copyFileSync(`${other}/model.safetensors`, `${base}/model.safetensors`);
    for (const out of ["lora", "freeze"]) {
      const { code, stderr } = await resume(out);
      assertEquals(code, 65, stderr);
      assertStringIncludes(stderr, "the model that it began with has changed since");
    }
    assertEquals((await resume("all")).code, 0);
    Deno.copyFileSync(`${folder}/kept`, `${base}/model.safetensors`);
    for (const out of ["lora", "freeze"]) assertEquals((await resume(out)).code, 0);
  }));

Deno.test("train --resume refuses a run whose tokenizer has changed, whose tokens would be others", () =>
  withFiles({ "text.txt": TEXT }, async (folder) => {
    const [data, out, tokenizer] = ["text.txt", "run", "tokenizer"].map((it) => `${folder}/${it}`);
    await run("tokenizer", "train", data, "--kind", "char", "--out", tokenizer);
    const sizes = ["--layers", "1", "--heads", "2", "--width", "16"];
    await run("train", "--data", data, "--out", out, "--tokenizer", tokenizer, ...sizes, ...FLAGS);
    const path = `${tokenizer}/tokenizer.json`;
    const former = Deno.readTextFileSync(path);
    const changed = JSON.parse(former);
    const { vocab } = changed.model;
    [vocab.a, vocab.o] = [vocab.o, vocab.a];
    const resume = () => runCli(["train", "--resume", "--steps", "4", "--out", out]);
    Deno.writeTextFileSync(path, JSON.stringify(changed));
    const { code, stderr } = await resume();
    assertEquals(code, 65, stderr);
    assertStringIncludes(stderr, "the tokenizer that it began with has changed since");
    Deno.writeTextFileSync(path, former);
    assertEquals((await resume()).code, 0);
  }));

Deno.test("train --init says what a model without a tokenizer lacks", () =>
  withFiles({ "text.txt": TEXT }, async (folder) => {
    const model = `${folder}/model`;
    using created = new GPT2(GPT2Config.tiny(), { seed: 1 });
    await created.saveSafetensors(model);
    const args = ["--data", `${folder}/text.txt`, "--init", model, "--out", `${folder}/run`];
    const { code, stderr } = await runCli(["train", ...args, ...FLAGS]);
    assertEquals(code, 65, stderr);
    assertStringIncludes(stderr, "it has no tokenizer");
  }));
