/**
 * What files, names and the hub say may not drive the terminal: each command is given characters that would.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertLess,
  assertNotMatch,
  assertStringIncludes,
} from "@std/assert";
import { openRegularFile } from "../../src/base/byte_source.ts";
import type { DoctorReport } from "../../src/cli/doctor/examine.ts";
import { reportText } from "../../src/cli/doctor/report_text.ts";
import { readGgufHeader } from "../../src/formats/gguf.ts";
import type { GgufValue } from "../../src/formats/gguf_value.ts";
import { writeGguf } from "../../src/formats/gguf_writer.ts";
import { copyFolder, TemporaryFolder } from "../checkpoint/folders.ts";
import { runCli, type RunOptions } from "./run_cli.ts";
import { testWithHub } from "./test_with_hub.ts";

/** Clears the screen, sets the title, turns the line round, and begins a line of its own. */
const EVIL = "\x1b[2J\x9b2J\x1b]0;title\x07\u202ex\r\nerror: fake\u2028\x7f";
/** As it looks in one line. */
const SHOWN =
  "\\u{1b}[2J\\u{9b}2J\\u{1b}]0;title\\u{7}\\u{202e}x\\u{d}\\u{a}error: fake\\u{2028}\\u{7f}";
const CONTROLS = /(?!\n)[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u;
/** What the program itself may write to a terminal. */
// deno-lint-ignore no-control-regex
const OWN_CODES = /\x1b\[(1|1;31|0)m|\r|\x1b\[K/g;

/** Runs a command, and requires that nothing it writes drives a terminal or looks like an error that is none. */
async function run(args: string[], options: RunOptions = {}) {
  const { code, stdout, stderr } = await runCli(args, options);
  for (const text of [stdout, stderr]) {
    assertNotMatch(text.replaceAll(options.isTerminal ? OWN_CODES : "", ""), CONTROLS);
    // JSON has everything, for whom it may concern.
    if (!args.includes("--json")) assertLess(text.length, 100_000);
  }
  assertNotMatch(stderr, /^error: fake/m);
  return { code, stdout, stderr };
}

/** A GGUF file that is valid, and says such things wherever it can. */
async function writeHostileGguf(folder: TemporaryFolder): Promise<string> {
  const plain = folder.file("plain.gguf");
  await runCli(["convert", await copyFolder(folder), "-o", plain, "--type", "f32"]);
  using source = openRegularFile(plain);
  const { metadata, tensors } = readGgufHeader(source);
  const path = folder.file(`m${EVIL.replaceAll("/", "")}.gguf`);
  const text: GgufValue = { type: "string", value: EVIL + "v".repeat(5000) };
  await writeGguf(path, {
    metadata: new Map<string, GgufValue>([
      ...metadata,
      ["general.name", text],
      ["general.license", text],
      [EVIL, text],
      ["k".repeat(60_000), text],
      ...Array.from({ length: 100 }, (_, i): [string, GgufValue] => [`key ${i}`, text]),
    ]),
    tensors: Array.from(tensors.values(), ({ offset, byteLength, ...copied }) => ({
      ...copied,
      produce: () => source.read(offset, byteLength),
    })),
  });
  return path;
}

/** No file can have a name there that drives a terminal. */
const ignore = Deno.build.os === "windows";

Deno.test(
  "no command passes on what a file or its name says to the terminal",
  { ignore },
  async () => {
    using folder = new TemporaryFolder();
    const path = await writeHostileGguf(folder);
    const model = ["--model", path, "--threads", "1"];
    const out = (name: string) => folder.file(`out-${name}.gguf`);
    for (const isTerminal of [false, true]) {
      const ok = async (...args: string[]) => {
        const { code, stdout, stderr } = await run(args, { isTerminal });
        assertEquals(code, 0, stderr);
        return stdout;
      };
      const info = await ok("info", path, "--tensors");
      assertStringIncludes(info, `\n  ${SHOWN}  `);
      assertStringIncludes(info, `\n  ${"k".repeat(500)}...  `);
      assertEquals(
        Object.hasOwn(JSON.parse(await ok("info", path, "--json")).metadata, EVIL),
        true,
      );
      await ok("bench", ...model, "-p", "2", "-n", "0", "-r", "1");
      await ok("bench", ...model, "-p", "2", "-n", "0", "-r", "1", "--format", "csv");
      await ok("bench", ...model, "-p", "2", "-n", "0", "-r", "1", "--json");
      await ok("Once", ...model, "-n", "2", "--json");
      await ok("tokenize", "--model", path, EVIL);
      const { tokens } = JSON.parse(await ok("tokenize", "--model", path, EVIL, "--json"));
      const ids = tokens.map(({ id }: { id: number }) => String(id));
      assertEquals(
        JSON.parse(await ok("tokenize", "--model", path, "--decode", ...ids, "--json")).text,
        EVIL,
      );
      await ok("quantize", path, out(`quantized-${isTerminal}`), "--type", "q8_0");
    }
  },
);

Deno.test(
  "on a terminal, texts are shown without control characters; a pipe gets them as they are",
  { ignore },
  async () => {
    using folder = new TemporaryFolder();
    const path = await writeHostileGguf(folder);
    const { stdout: ids } = await runCli(["tokenize", "--model", path, "--ids", EVIL]);
    for (
      const args of [
        [EVIL, "--model", path, "-n", "1", "--threads", "1", "--quiet"],
        ["tokenize", "--model", path, "--decode", ids],
      ]
    ) {
      const shown = await run(args, { isTerminal: true });
      assertStringIncludes(shown.stdout, "\\u{1b}[2J\\u{9b}2J\\u{1b}]0;title\\u{7}\\u{202e}x");
      const { stdout } = await runCli(args);
      assert(stdout.startsWith(EVIL));
    }
  },
);

Deno.test("no error passes on what was typed", async () => {
  for (const isTerminal of [false, true]) {
    for (
      const args of [
        ["info", EVIL],
        ["convert", EVIL, "-o", EVIL],
        ["quantize", EVIL, EVIL, "--type", "f32"],
        ["quantize", EVIL, EVIL, "--type", EVIL],
        ["tokenize", "--model", EVIL, "x"],
        ["tokenize", "--file", EVIL],
        ["tokenize", "--decode", EVIL],
        ["bench", "--model", EVIL],
        ["bench", "-p", EVIL],
        ["models", EVIL],
        ["models", "pull", EVIL],
        ["models", "path", EVIL],
        ["models", "remove", EVIL],
        ["doctor", EVIL],
        ["uninstall", EVIL],
        ["help", EVIL],
        [EVIL, "--model", EVIL],
        [EVIL, EVIL],
        [`--${EVIL}`],
        ["--device", EVIL, "x"],
        ["--rpc", EVIL, "x"],
        ["--logit-bias", EVIL, "x"],
        ["--file", EVIL],
      ]
    ) {
      const { code } = await run(args, { isTerminal });
      assertEquals(code > 0, true, args[0]);
    }
  }
});

Deno.test("no error passes on what a damaged file says", async () => {
  const configs = [
    { model_type: EVIL },
    { activation_function: EVIL },
    { n_embd: EVIL },
    { [EVIL]: 1, n_layer: EVIL },
    { eos_token_id: EVIL },
  ];
  for (const config of configs) {
    using folder = new TemporaryFolder();
    const path = await copyFolder(folder, { config });
    for (const args of [["info", path], ["convert", path, "-o", folder.file("x.gguf")]]) {
      for (const isTerminal of [false, true]) {
        const { code } = await run(args, { isTerminal });
        assertEquals(code > 0, true, `${args[0]} ${JSON.stringify(config)}`);
      }
    }
  }
});

testWithHub("models passes on no name in the cache", async (folder) => {
  const snapshot = folder.file(`hf/hub/models--evil${EVIL}--gpt2/snapshots/c${EVIL}`);
  Deno.mkdirSync(snapshot, { recursive: true });
  Deno.writeTextFileSync(`${snapshot}/config.json`, '{"model_type": "gpt2"}');
  Deno.mkdirSync(folder.file(`allformers/models/evil--${EVIL}/c${EVIL}`), { recursive: true });
  Deno.writeTextFileSync(
    folder.file(`allformers/models/evil--${EVIL}/c${EVIL}/x${EVIL}.gguf`),
    "x",
  );
  for (const isTerminal of [false, true]) {
    for (const args of [["models"], ["models", "--json"], ["models", "remove", "--all"]]) {
      await run(args, { isTerminal });
    }
    await run(["uninstall"], { isTerminal });
  }
});

Deno.test("doctor passes on no path and no name of a device", () => {
  const report: DoctorReport = {
    isHealthy: false,
    fixes: [EVIL],
    versions: { package: EVIL, deno: EVIL, v8: EVIL, typescript: EVIL },
    machine: { os: EVIL, arch: EVIL, processor: EVIL, numProcessors: 1, features: [EVIL] },
    library: { path: EVIL, ggmlVersion: EVIL, level: EVIL, chosen: EVIL, instructionSets: [EVIL] },
    places: [{ place: "local build", verdict: "skipped", path: EVIL, problem: EVIL }],
    devices: [{ name: EVIL, description: EVIL, freeBytes: 0, totalBytes: 1 }] as never,
    caches: [{ content: EVIL, path: EVIL, bytes: 1 }],
    permissions: [{ name: "read", state: "granted", purpose: EVIL }],
  };
  assertNotMatch(reportText(report).replaceAll("\u2028", ""), CONTROLS);
});
