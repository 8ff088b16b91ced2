import { assertEquals, assertStringIncludes } from "@std/assert";
import { withFiles } from "../training/data/with_files.ts";
import { runCli } from "./run_cli.ts";

const FILES = ["merges.txt", "tokenizer.json", "tokenizer_config.json", "vocab.json"];

function train(...args: string[]) {
  return runCli(["tokenizer", "train", ...args]);
}

Deno.test("tokenizer train writes a folder that tokenize takes", () =>
  withFiles({ "a.txt": "low lower lowest<|endoftext|>" }, async (folder) => {
    const out = `${folder}/new/tokenizer`;
    const { code, stdout, stderr } = await train(
      `${folder}/a.txt`,
      "--vocab-size",
      "260",
      "--out",
      out,
    );
    assertEquals([code, stdout], [0, `${out}\n`]);
    assertStringIncludes(stderr, "Learned 260 tokens in");
    assertEquals(Array.from(Deno.readDirSync(out), ({ name }) => name).sort(), FILES);
    const tokenized = await runCli(["tokenize", "--model", out, "--ids", "low low"]);
    assertEquals(tokenized.stdout, "257 258\n");
    const { eos_token } = JSON.parse(Deno.readTextFileSync(`${out}/tokenizer_config.json`));
    assertEquals(eos_token, "<|endoftext|>");
  }));

Deno.test("tokenizer train learns nothing from what stands between texts, and all of the rest", () =>
  withFiles({
    "texts/a.txt": "abab",
    "texts/b.md": "ab<|endoftext|>ab",
    "c.jsonl": '{"text": "abab"}\n{"text": "ab"}\n{"text": "ab"}\n',
  }, async (folder) => {
    for (const texts of ["texts", "c.jsonl"]) {
      const out = `${folder}/out-${texts}`;
      const { stdout, stderr } = await train(
        `${folder}/${texts}`,
        "--json",
        "--out",
        out,
        "--vocab-size",
        "4000",
      );
      const { vocabSize, numMerges } = JSON.parse(stdout);
      assertEquals([vocabSize, numMerges], [258, 1]);
      assertStringIncludes(stderr, "as there are no more pairs that are frequent enough");
      assertEquals(Deno.readTextFileSync(`${out}/merges.txt`), "#version: 0.2\na b\n");
    }
  }));

Deno.test("tokenizer train --kind char gives each character a token", () =>
  withFiles({ "a.txt": "cab ébac" }, async (folder) => {
    const out = `${folder}/out`;
    assertEquals((await train(`${folder}/a.txt`, "--kind", "char", "--out", out)).code, 0);
    const ids = async (text: string) => await runCli(["tokenize", "--model", out, "--ids", text]);
    assertEquals((await ids("é cab")).stdout, "4 0 3 1 2\n");
    const { code, stderr } = await ids("cabd");
    assertEquals(code, 2);
    assertStringIncludes(stderr, 'no token for a character: received "d" (U+0064) at position 3');
    const again = await train(
      `${folder}/a.txt`,
      "--kind",
      "char",
      "--no-end-of-text",
      "--overwrite",
      "--json",
      "--out",
      out,
    );
    assertEquals(JSON.parse(again.stdout).vocabSize, 7); // With the two bytes of é.
  }));

Deno.test("tokenizer train tells what is wrong", () =>
  withFiles({ "a.txt": "text", "empty.txt": "", "there/vocab.json": "{}" }, async (folder) => {
    const refused = async (args: string[], code: number, message: string) => {
      const result = await runCli(["tokenizer", ...args]);
      assertStringIncludes(result.stderr, message);
      assertEquals(result.code, code, message);
    };
    const text = `${folder}/a.txt`;
    const out = `${folder}/out`;
    await refused(["train", text], 2, "tokenizer train needs --out <folder>: received none");
    await refused(
      ["learn", text, "--out", out],
      2,
      'tokenizer takes train and texts: received "learn"',
    );
    await refused(
      ["train", text, "--out", `${folder}/there`],
      2,
      "with vocab.json. Choose another",
    );
    await refused(
      ["train", text, "--out", out, "--kind", "char", "--vocab-size", "300"],
      2,
      "--vocab-size is for --kind bpe: received --kind char",
    );
    await refused(
      ["train", text, "--out", out, "--vocab-size", "256"],
      2,
      "at least 257: received 256",
    );
    await refused(["train", `${folder}/nowhere`, "--out", out], 66, "there is no such file");
    await refused(["train", `${folder}/empty.txt`, "--out", out], 65, "there is no text in it");
    await refused(
      ["train", `${folder}/there`, "--out", out],
      65,
      "there is no .txt or .md file in it",
    );
    await refused(["train", text, "--out", text], 2, "Cannot create the folder");
  }));
