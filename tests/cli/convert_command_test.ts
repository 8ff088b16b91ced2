import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { runCli, type RunOptions } from "./run_cli.ts";

const MODEL = fileURLToPath(new URL("../fixtures/reference/hf_folder", import.meta.url));

/** Runs with a folder that is removed afterwards. */
async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function namesIn(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
}

async function typesOf(path: string): Promise<string[]> {
  const { code, stdout } = await runCli(["info", path, "--json"]);
  assertEquals(code, 0);
  return JSON.parse(stdout).types.map(({ type }: { type: string }) => type);
}

Deno.test("convert writes a file that generate runs, and its path to stdout", () =>
  withFolder(async (folder) => {
    const path = `${folder}/model.gguf`;
    const { code, stdout, stderr } = await runCli(["convert", MODEL, "-o", path, "--type", "f32"]);
    assertEquals([code, stdout], [0, `${path}\n`]);
    assertMatch(stderr, /^Wrote [\d.]+ kB as f32 in [\d.]+ s\.\n$/);
    assertEquals(namesIn(folder), ["model.gguf"]);
    assertEquals(await typesOf(path), ["f32"]);

    const args = ["Once", "--greedy", "-n", "20", "--quiet", "--threads", "1", "--model"];
    assertEquals(await runCli([...args, path]), await runCli([...args, MODEL]));
  }));

Deno.test("convert names the file after the folder, the size and the type", () =>
  withFolder(async (folder) => {
    const { success, stdout } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", fileURLToPath(new URL("../../mod.ts", import.meta.url))],
        ...["convert", MODEL, "--type", "F16"],
      ],
      cwd: folder,
    }).output();
    const name = new TextDecoder().decode(stdout).trimEnd();
    assert(success);
    assertMatch(name, /^hf_folder-[\d.]+[KMB]-v1\.0-F16\.gguf$/);
    assertEquals(namesIn(folder), [name]);
  }));

Deno.test("quantize changes the type", () =>
  withFolder(async (folder) => {
    const [from, to] = [`${folder}/f32.gguf`, `${folder}/q8.gguf`];
    await runCli(["convert", MODEL, "-o", from, "--type", "f32"]);
    const { code, stdout } = await runCli(["quantize", from, to, "--type", "q8_0"]);
    assertEquals([code, stdout], [0, `${to}\n`]);
    assertEquals((await typesOf(to)).toSorted(), ["f32", "q8_0"]);
  }));

Deno.test("convert and quantize say that errors stay where the weights are quantized already", () =>
  withFolder(async (folder) => {
    const of = async (from: string, to: string, type: string) => {
      const path = `${folder}/${to}.gguf`;
      const quantized = await runCli(["quantize", from, path, "--type", type]);
      const converted = await runCli(["convert", from, "-o", path, "--type", type, "--overwrite"]);
      const noticesOf = ({ stderr }: { stderr: string }) => stderr.replace(/^Wrote .*\n/m, "");
      assertEquals(noticesOf(converted), noticesOf(quantized));
      return noticesOf(converted);
    };
    const advice = ": take the model in f32 or f16 if you have it (docs/quantization.md).\n";
    const widened =
      "The weights are q8_0 already: as TYPE they take more room, and are no more exact";
    const again = "The weights are q8_0 already, and the errors of both types add up";
    assertEquals(await of("demo", "q4", "q4_0"), again + advice);
    for (const type of ["f32", "f16", "bf16"]) {
      assertEquals(await of("demo", type, type), widened.replace("TYPE", type) + advice);
    }
    assertEquals(await of("demo", "q8", "q8_0"), "");
    assertEquals(await of(`${folder}/f32.gguf`, "q5", "q5_0"), "");
    assertEquals(await of(MODEL, "whole", "f32"), "");
  }));

Deno.test("convert and quantize leave a file that is there alone, unless told otherwise", () =>
  withFolder(async (folder) => {
    const path = `${folder}/model.gguf`;
    await Deno.writeTextFile(path, "precious");
    for (const args of [["convert", MODEL, "-o", path], ["quantize", MODEL, path, "-t", "f32"]]) {
      const { code, stdout, stderr } = await runCli(args);
      assertEquals([code, stdout], [2, ""]);
      assertStringIncludes(stderr, "Add --overwrite to replace it");
      assertEquals(await Deno.readTextFile(path), "precious");
    }
    assertEquals((await runCli(["convert", MODEL, "-o", path, "--overwrite"])).code, 0);
    const { stdout } = await runCli(["convert", MODEL, "-o", path, "--overwrite", "--json"]);
    const { elapsedMs, ...result } = JSON.parse(stdout);
    assertEquals(result, { path, type: "q8_0", numBytes: (await Deno.stat(path)).size });
    assertEquals(elapsedMs > 0, true);
    assertEquals((await typesOf(path)).toSorted(), ["f32", "q8_0"]);
  }));

Deno.test("quantize refuses to write over the file it reads", () =>
  withFolder(async (folder) => {
    const path = `${folder}/model.gguf`;
    await runCli(["convert", MODEL, "-o", path]);
    const before = await Deno.readFile(path);
    for (const target of [path, `${folder}/./model.gguf`]) {
      for (const flags of [[], ["--overwrite"]]) {
        const { code } = await runCli(["quantize", path, target, "--type", "q4_0", ...flags]);
        assertEquals(code, 2);
      }
    }
    assertEquals(await Deno.readFile(path), before);
  }));

Deno.test("convert leaves nothing behind when it is interrupted", () =>
  withFolder(async (folder) => {
    const interruption = new AbortController();
    setTimeout(() => interruption.abort());
    const { code, stdout, stderr } = await runCli(
      ["convert", MODEL, "-o", `${folder}/model.gguf`],
      { signal: interruption.signal },
    );
    assertEquals([code, stdout, stderr], [130, "", "Interrupted.\n"]);
    assertEquals(namesIn(folder), []);
  }));

Deno.test("convert shows its progress on a terminal, and only there", () =>
  withFolder(async (folder) => {
    const stderrOf = async (options: RunOptions) =>
      (await runCli(["convert", MODEL, "-o", `${folder}/m.gguf`, "--overwrite"], options)).stderr;
    assertMatch(await stderrOf({ isTerminal: true }), /^\rWriting q8_0 \[[#-]{30}\] +\d+ %/);
    assertMatch(await stderrOf({ isTerminal: false }), /^Wrote/);
  }));

Deno.test("convert tells what is wrong with its input and output", () =>
  withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/empty`);
    await Deno.mkdir(`${folder}/damaged`);
    await Deno.copyFile(`${MODEL}/config.json`, `${folder}/damaged/config.json`);
    await Deno.writeTextFile(`${folder}/damaged/model.safetensors`, "short");
    const out = `${folder}/out.gguf`;
    const cases: [args: string[], code: number][] = [
      [[`${folder}/none`, "-o", out], 66],
      [[`${folder}/empty`, "-o", out], 66],
      [[`${folder}/damaged`, "-o", out], 65],
      [[MODEL, "-o", `${folder}/none/out.gguf`], 74],
      [[MODEL, "-o", folder, "--overwrite"], 74],
    ];
    for (const [args, expectedCode] of cases) {
      const { code, stdout, stderr } = await runCli(["convert", ...args]);
      assertEquals([code, stdout], [expectedCode, ""], stderr);
      assertMatch(stderr, /^error: Cannot /);
    }
    assertEquals(namesIn(folder), ["damaged", "empty"]);
  }));

Deno.test("convert says that a file is there, in words that are not about permissions", () =>
  withFolder(async (folder) => {
    const path = `${folder}/model.gguf`;
    await Deno.writeTextFile(path, "12345");
    const { code, stderr } = await runCli(["convert", MODEL, "-o", path]);
    assertEquals(code, 2);
    assertStringIncludes(
      stderr,
      "it exists already: received a file of 5 bytes. Add --overwrite to replace it, or choose another name.",
    );
  }));
