import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Engine } from "../../src/engine/engine.ts";
import { TemporaryFolder } from "../checkpoint/folders.ts";
import { runCli } from "./run_cli.ts";

const MOD = fileURLToPath(new URL("../../mod.ts", import.meta.url));
const DEMO = ["--model", "demo", "--threads", "1", "--port", "0"];

function withKeys(text: string): { folder: TemporaryFolder; path: string } {
  const folder = new TemporaryFolder();
  const path = join(folder.path, "keys.txt");
  Deno.writeTextFileSync(path, text);
  return { folder, path };
}

Deno.test("serve answers until it is asked to end, and ends well", async () => {
  const { folder, path } = withKeys("# of Anna\nkey-of-anna\n\nkey-of-bert\n");
  using _folder = folder;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      MOD,
      "serve",
      ...DEMO,
      "--api-key-file",
      path,
      "--json",
      "--log",
      "json",
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stderr = new Response(child.stderr).text();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { url, model } = JSON.parse((await reader.read()).value!);
  assertEquals(model, "demo");
  const headers = { authorization: "Bearer key-of-bert", "content-type": "application/json" };
  const body = JSON.stringify({ prompt: "ROMEO:", max_tokens: 20, ignore_eos: true, stream: true });
  const request = { method: "POST", headers, body };
  const stream = await fetch(`${url}/v1/completions`, request);
  if (Deno.build.os === "windows") child.kill();
  else {
    child.kill("SIGTERM");
    assert((await stream.text()).endsWith("data: [DONE]\n\n"), "what runs is not cut off");
    assertEquals((await child.status).code, 0);
    // Whether it has to wait depends on how fast it is.
    const lines = (await stderr).split("\n").filter((each) => !each.startsWith("waiting up to "));
    const [start, line, ...others] = lines;
    assertMatch(start, new RegExp(`^serving demo \\(q8_0\\) at ${url}: 32 texts at a time`));
    const { path: asked, status, numPromptTokens, numWrittenTokens } = JSON.parse(line);
    assertEquals([asked, status, numPromptTokens, numWrittenTokens], [
      "/v1/completions",
      200,
      2,
      20,
    ]);
    assertEquals(others, [""]);
  }
  await reader.cancel();
});

Deno.test("serve writes each line of its log before it ends, to a slow reader too", async () => {
  const stop = new AbortController();
  const asked = Promise.withResolvers<string>();
  const ended = runCli(["serve", ...DEMO, "--log", "json"], {
    signal: stop.signal,
    stderrDelayMs: 50,
    onStdout: (url) => asked.resolve(url.trim()),
  });
  const url = await asked.promise;
  for (const path of ["health", "v1/models"]) await (await fetch(`${url}/${path}`)).body?.cancel();
  stop.abort();
  const { code, stderr } = await ended;
  assertEquals(code, 0, stderr);
  const [, ...lines] = stderr.trimEnd().split("\n");
  assertEquals(lines.map((line) => JSON.parse(line).path), ["/health", "/v1/models"]);
});

Deno.test("serve writes what has failed in 2 KB, and with --debug where", async () => {
  const { step } = Engine.prototype;
  for (const isDebug of [false, true]) {
    const stop = new AbortController();
    const asked = Promise.withResolvers<string>();
    const ended = runCli(["serve", ...DEMO, ...(isDebug ? ["--debug"] : [])], {
      signal: stop.signal,
      onStdout: (url) => asked.resolve(url.trim()),
    });
    const url = await asked.promise;
    try {
      Engine.prototype.step = () => Promise.reject(new Error("m".repeat(3000)));
      const headers = { "content-type": "application/json" };
      const body = JSON.stringify({ prompt: "ROMEO:", max_tokens: 2 });
      const answer = await fetch(`${url}/v1/completions`, { method: "POST", headers, body });
      assertEquals(answer.status, 500);
      assert(!(await answer.text()).includes("mmm"), "clients are told nothing of it");
    } finally {
      Engine.prototype.step = step;
      stop.abort();
    }
    const { stderr } = await ended;
    const text = stderr.slice(stderr.indexOf("error: mmm"));
    assertEquals(/\n +at .*serve_command_test\.ts/.test(text), isDebug);
    assertEquals(text.length > 3000, isDebug);
    if (!isDebug) assertEquals([text.length, text.endsWith("m ...\n")], [2048, true]);
  }
});

Deno.test("serve refuses a port that another program has, and keys that are none", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = String((listener.addr as Deno.NetAddr).port);
  const busy = await runCli(["serve", "--model", "demo", "--port", port]);
  assertEquals(busy.code, 75);
  assertMatch(busy.stderr, /another program does/);
  for (const host of ["203.0.113.1", "nobody.invalid"]) {
    const nowhere = await runCli(["serve", ...DEMO, "--host", host]);
    assertEquals(nowhere.code, 2);
    assertMatch(nowhere.stderr, /^error: --host is no address of this machine/);
  }
  for (const flag of [["--api-key", "secret-word"], ["--api_key=secret-word"]]) {
    const { code, stderr } = await runCli(["serve", ...DEMO, ...flag]);
    assertEquals(code, 2);
    assertMatch(
      stderr,
      /received "--api.key"\. Did you mean --api-key-file\? .* can see arguments/,
    );
    assert(!stderr.includes("secret-word"), "a key is not shown");
  }
  const folder = await runCli(["serve", ...DEMO, "--api-key-file", "tests"]);
  assertMatch(folder.stderr, /^error: Cannot read the file of --api-key-file: it is a folder/);
  const page = await runCli(["serve", ...DEMO, "--cors", "https://a.b/path"]);
  assertEquals(page.code, 2);
  assertMatch(page.stderr, /--cors must be an origin such as https:\/\/example\.org/);
  for (const text of ["", "# none\n", "short\n", "with space in it\n"]) {
    const { folder, path } = withKeys(text);
    using _folder = folder;
    const { code, stderr } = await runCli(["serve", ...DEMO, "--api-key-file", path]);
    assertEquals(code, 2, stderr);
    assertMatch(stderr, /key/);
    assert(!stderr.includes("with space"), "a key is not shown");
  }
});

Deno.test("serve looks at its address, origin, adapters' names and keys before it loads a model", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const busyPort = String((listener.addr as Deno.NetAddr).port);
  const cases: [args: string[], code: number, message: RegExp][] = [
    [["--port", busyPort], 75, /Cannot listen on port \d+ of 127\.0\.0\.1: another program does/],
    [["--host", "203.0.113.1"], 2, /--host is no address of this machine/],
    [["--host", "nobody.invalid"], 2, /--host is no address of this machine/],
    [["--cors", "https://a.b/path"], 2, /--cors must be an origin/],
    [["--max-waiting", "1000000000"], 2, /--max-waiting must be an integer from 0 to 1000000/],
    [["--adapter", "a=x", "--adapter", "a=y"], 2, /Two adapters cannot have one name/],
    [["--api-key-file", "no/such/file"], 66, /no such file/],
    [["--steer", "no/such/file"], 66, /no such file/],
  ];
  for (const [args, code, message] of cases) {
    // The model is not there: whoever reads of that has waited for nothing.
    const port = args.includes("--port") ? [] : ["--port", "0"];
    const refused = await runCli(["serve", "--model", "/no/such.gguf", ...port, ...args]);
    assertMatch(refused.stderr, message);
    assertEquals([refused.code, refused.stdout], [code, ""]);
  }
});

Deno.test("serve warns when others can reach it and no key is asked for", async () => {
  const stop = new AbortController();
  const args = ["serve", ...DEMO, "--host", "0.0.0.0"];
  const { code, stderr } = await runCli(args, {
    signal: stop.signal,
    onStderr: () => setTimeout(() => stop.abort(), 50),
  });
  assertEquals(code, 0);
  assertMatch(stderr, /^warning: anybody who can reach 0\.0\.0\.0 can use this server/);
});

for (const second of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`serve tells once what it waits for, and ${second} after Ctrl-C ends it at once`, {
    ignore: Deno.build.os === "windows",
  }, () => endTwice(second));
}

async function endTwice(second: Deno.Signal): Promise<void> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", MOD, "serve", ...DEMO, "--grace-seconds", "60"],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const url = (await reader.read()).value!.trim();
  const stderr = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let told = "";
  const read = async (): Promise<boolean> => {
    const { done, value = "" } = await stderr.read();
    told += value;
    return !done;
  };
  // A body that does not arrive keeps it waiting. That it may be sent tells that it is waited for.
  const { hostname, port } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(new TextEncoder().encode(
    "POST /v1/completions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n" +
      "content-length: 9\r\nexpect: 100-continue\r\n\r\n",
  ));
  const answer = new Uint8Array(12);
  await connection.read(answer);
  assertEquals(new TextDecoder().decode(answer), "HTTP/1.1 100");
  child.kill("SIGINT");
  while (!told.includes("waiting")) assert(await read(), told);
  child.kill(second);
  assertEquals((await child.status).signal, second);
  while (await read());
  assertEquals(told.split("waiting up to 60 s for 1 request; Ctrl-C again ends now\n").length, 2);
  await reader.cancel();
}

Deno.test("serve tells its address once on a terminal, and waits for nobody without a word", async () => {
  const stop = new AbortController();
  const { code, stdout, stderr } = await runCli(["serve", ...DEMO], {
    isTerminal: true,
    signal: stop.signal,
    onStdout: () => stop.abort(),
  });
  assertEquals(code, 0);
  assertMatch(stdout, /^http:\/\/127\.0\.0\.1:\d+\n$/);
  assertMatch(stderr, /serving demo \(q8_0\): 32 texts at a time/);
  assertEquals([stderr.includes("http://"), stderr.includes("waiting")], [false, false]);
});
