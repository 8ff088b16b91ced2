/**
 * What only a process of its own can show: signals, closed pipes, permissions.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { writeSparseCheckpoint } from "./sparse_checkpoint.ts";

const MOD = fileURLToPath(new URL("../../mod.ts", import.meta.url));
const MODEL = fileURLToPath(new URL("../fixtures/reference/hf_folder", import.meta.url));
/** Far longer than any test should take: what does not end by itself is ended then. */
const MAX_MS = 60_000;
/** Arguments that make `generate` go on for hours. */
const ENDLESS = [
  ...[
    "Once",
    "--model",
    MODEL,
    "--threads",
    "1",
    "-n",
    "1000000000",
    "--overflow",
    "crop",
    "--ignore-end-of-text",
  ],
];
const isWindows = Deno.build.os === "windows";

function spawn(args: string[], options: Deno.CommandOptions = {}): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
    signal: AbortSignal.timeout(MAX_MS),
    ...options,
  }).spawn();
}

async function run(args: string[], options?: Deno.CommandOptions) {
  const { code, stdout, stderr } = await spawn(args, options).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: decode(stdout), stderr: decode(stderr) };
}

Deno.test("the program writes the same as main()", async () => {
  const { code, stdout, stderr } = await run(["-A", MOD, "tokenize", "--model", "gpt2", "Hello"]);
  assertEquals([code, stdout, stderr], [0, '15496  "Hello"\n', ""]);
});

Deno.test("the program reads stdin to its end", async () => {
  const child = spawn(["-A", MOD, "tokenize", "--model", "gpt2", "--ids"], { stdin: "piped" });
  const writer = child.stdin.getWriter();
  for (const part of ["Hello", " wor", "ld"]) await writer.write(new TextEncoder().encode(part));
  await writer.close();
  const { code, stdout } = await child.output();
  assertEquals([code, new TextDecoder().decode(stdout)], [0, "15496 995\n"]);
});

Deno.test("the program ends quietly when its stdout is closed", async () => {
  const child = spawn(["-A", MOD, ...ENDLESS]);
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  const stderr = await child.stderr.text();
  assertEquals([(await child.status).code, stderr], [0, ""]);
});

Deno.test({
  name: "the program tells when stdout cannot be written",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const script = `"$0" run -A "$1" tokenize --model gpt2 Hello > /dev/full`;
    const { code, stderr } = await new Deno.Command("sh", {
      args: ["-c", script, Deno.execPath(), MOD],
    }).output();
    assertEquals(code, 74);
    assertMatch(new TextDecoder().decode(stderr), /^error: Cannot write to stdout: .*space/);
  },
});

Deno.test({
  name: "the program tells when a file may not become so large, and leaves nothing of it",
  ignore: isWindows,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      // In blocks of 512 or 1024 bytes. Deno's own caches are larger: without the trap, writing them would end it.
      const script = `trap '' XFSZ; ulimit -f 1; "$0" run -A "$1" convert demo -o "$2"`;
      const { code, stderr } = await new Deno.Command("sh", {
        args: ["-c", script, Deno.execPath(), MOD, `${folder}/x.gguf`],
        stdin: "null",
      }).output();
      assertMatch(new TextDecoder().decode(stderr), /^error: Cannot write .*received EFBIG after /);
      assertEquals([code, ...Deno.readDirSync(folder)], [74]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "the program is not ended by the system where a file becomes too large: it gets an error",
  ignore: isWindows,
  async fn() {
    const child = spawn(["-A", MOD, ...ENDLESS]);
    const reader = child.stdout.getReader();
    await reader.read();
    child.kill("SIGXFSZ");
    await reader.read();
    child.kill("SIGINT");
    reader.releaseLock();
    const [{ code }] = await Promise.all([child.status, child.stderr.text(), child.stdout.text()]);
    assertEquals(code, 130);
  },
});

Deno.test({
  name: "Ctrl-C ends a generation with 130",
  ignore: isWindows,
  async fn() {
    const child = spawn(["-A", MOD, ...ENDLESS]);
    const reader = child.stdout.getReader();
    await reader.read();
    child.kill("SIGINT");
    reader.releaseLock();
    const [{ code }, stderr] = await Promise.all([
      child.status,
      child.stderr.text(),
      child.stdout.text(),
    ]);
    assertEquals([code, stderr], [130, "Interrupted.\n"]);
  },
});

Deno.test({
  name: "Ctrl-C ends a program that waits for stdin with 130",
  ignore: isWindows,
  async fn() {
    const child = spawn(["-A", MOD, "--model", MODEL], { stdin: "piped" });
    const stderr = child.stderr.getReader();
    const { value } = await stderr.read();
    assertStringIncludes(new TextDecoder().decode(value), "Reading the text from stdin");
    child.kill("SIGINT");
    stderr.releaseLock();
    const [{ code }] = await Promise.all([
      child.status,
      child.stderr.text(),
      child.stdout.text(),
    ]);
    assertEquals(code, 130);
    await child.stdin.close();
  },
});

Deno.test({
  name: "Ctrl-C ends a program that waits for somebody to write into a FIFO with 130",
  ignore: isWindows,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const fifo = `${folder}/fifo`;
      await new Deno.Command("mkfifo", { args: [fifo] }).output();
      for (const args of [["--file", fifo], ["--prompts", fifo], ["tokenize", "--file", fifo]]) {
        const child = spawn(["-A", MOD, ...args]);
        const stderr = child.stderr.getReader();
        const { value } = await stderr.read();
        assertStringIncludes(
          new TextDecoder().decode(value),
          `Reading the text from "${fifo}", up to its end`,
        );
        child.kill("SIGINT");
        stderr.releaseLock();
        const [{ code }, rest] = await Promise.all([
          child.status,
          child.stderr.text(),
          child.stdout.text(),
        ]);
        assertEquals([code, rest], [130, "Interrupted.\n"]);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "a text without an end is refused",
  ignore: isWindows,
  async fn() {
    for (const args of [["--file", "/dev/zero"], ["--prompts", "/dev/zero"]]) {
      const { code, stdout, stderr } = await run(["-A", MOD, ...args]);
      assertMatch(stderr, /^error: The text is too long: received more than .* "\/dev\/zero"\. /);
      assertEquals([code, stdout], [2, ""]);
    }
    const zeros = new Deno.Command("cat", { args: ["/dev/zero"], stdout: "piped" }).spawn();
    const child = spawn(["-A", MOD, "tokenize"], { stdin: "piped" });
    const feeding = zeros.stdout.pipeTo(child.stdin).catch(() => {});
    const [{ code }, stderr] = await Promise.all([
      child.status,
      child.stderr.text(),
      child.stdout.text(),
    ]);
    assertStringIncludes(
      stderr,
      "error: The text is too long: received more than 268.4 MB from stdin",
    );
    assertEquals(code, 2);
    await feeding;
    await zeros.status;
  },
});

for (const [signal, expectedCode] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test({
    name: `${signal} ends a conversion with ${expectedCode} and leaves no file`,
    ignore: isWindows,
    async fn() {
      const folder = await Deno.makeTempDir();
      try {
        await writeSparseCheckpoint(`${folder}/model`);
        const target = `${folder}/out.gguf`;
        const child = spawn(["-A", MOD, "convert", `${folder}/model`, "-o", target, "-t", "q6_k"]);
        const isWriting = () => [...Deno.readDirSync(folder)].some(({ name }) => /out/.test(name));
        while (!isWriting()) await new Promise((resolve) => setTimeout(resolve, 5));
        assertEquals(await exists(target), false);
        child.kill(signal);
        const [{ code }, stderr] = await Promise.all([
          child.status,
          child.stderr.text(),
          child.stdout.text(),
        ]);
        assertEquals([code, stderr], [expectedCode, "Interrupted.\n"]);
        assertEquals(Array.from(Deno.readDirSync(folder), ({ name }) => name), ["model"]);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

/** Permissions that are too few, and the one that is missing. */
const MISSING_PERMISSIONS: readonly (readonly [given: string[], args: string[], flag: string])[] = [
  [[], ["info", MODEL], "--allow-read"],
  [[], ["--file", "prompt.txt"], "--allow-read"],
  [["-R"], ["convert", MODEL, "-o", "nowhere.gguf"], "--allow-"],
  [["-R", "-E", "-S"], ["Once", "--model", MODEL], "--allow-ffi"],
  [["-R", "-E", "-S", "--allow-ffi"], ["convert", MODEL, "-o", "nowhere.gguf"], "--allow-write"],
];

for (const [given, args, flag] of MISSING_PERMISSIONS) {
  const [name] = args;
  Deno.test(`${name} with ${given.join(" ") || "no permission"} ends with 78 and names ${flag}`, async () => {
    const { code, stdout, stderr } = await run([...given, MOD, ...args]);
    assertStringIncludes(stderr, flag);
    assert(stderr.startsWith("error: "));
    assertEquals([code, stdout], [78, ""]);
  });
}

Deno.test("help needs no permission", async () => {
  const { code, stdout, stderr } = await run([MOD, "--help"]);
  assertEquals([code, stderr], [0, ""]);
  assertStringIncludes(stdout, "Usage:");
});

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}
