import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { GPT2 } from "../../src/gpt2.ts";
import { steer } from "../../src/inspection/steer.ts";
import { steerBy } from "../../src/inspection/steer_by.ts";
import { steeringVector } from "../../src/inspection/steering_vector.ts";
import { parseSteering } from "../../src/cli/steering_file.ts";
import { runCli } from "./run_cli.ts";

const model = await GPT2.fromPretrained("demo", { threads: 2 });
const tokens = (text: string) => model.tokenizer!.encode(text);
const vector = await steeringVector(model, tokens("What is"), tokens("It was"), 1);
const KING = JSON.stringify({ layer: 1, vector: [...vector] });

async function withFiles(action: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/king.json`, KING);
    await action(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function generate(...args: string[]) {
  const flags = ["--model", "demo", "--threads", "2", "--greedy", "-n", "12", "--quiet"];
  return runCli(["generate", "ROMEO:", ...flags, ...args]);
}

Deno.test("generate --steer adds a vector, times its strength", async () => {
  await withFiles(async (folder) => {
    const path = `${folder}/king.json`;
    const plain = await generate();
    assertEquals((await generate("--steer", `${path}:0`)).stdout, plain.stdout);
    const options = { greedy: true, maxNewTokens: 12 };
    const expected = async (strength: number) => {
      const intervene = { "blocks.1.residual": steer(vector, strength) };
      return `ROMEO:${await model.generateText("ROMEO:", { ...options, intervene })}\n`;
    };
    const eight = await generate("--steer", `${path}:8`);
    assertEquals([eight.code, eight.stdout], [0, await expected(8)]);
    assertNotEquals(eight.stdout, plain.stdout);
    assertEquals((await generate("--steer", path)).stdout, await expected(1));
    // Several are added up.
    assertEquals(
      (await generate("--steer", `${path}:5`, "--steer", `${path}:3`)).stdout,
      eight.stdout,
    );
  });
});

Deno.test("generate --steer refuses what is no steering vector", async () => {
  await withFiles(async (folder) => {
    const cases: [content: string | undefined, suffix: string, code: number, message: string][] = [
      [KING, ":x", 2, "a strength behind a colon"],
      [KING, ":", 2, "a strength behind a colon"],
      [undefined, "", 66, "no such file"],
      ["{", "", 65, "it is no JSON"],
      ["[]", "", 65, "it has no layer"],
      ['{"layer": 1.5, "vector": [1]}', "", 65, "it has no layer"],
      ['{"layer": 1, "vector": ["1"]}', "", 65, "no list of numbers"],
      ['{"layer": 1, "vector": []}', "", 65, "no list of numbers"],
      ['{"layer": 99, "vector": [1]}', "", 2, "blocks.99.residual"],
    ];
    for (const [i, [content, suffix, code, message]] of cases.entries()) {
      const path = `${folder}/${i}.json`;
      if (content !== undefined) await Deno.writeTextFile(path, content);
      const result = await generate("--steer", path + suffix);
      assertEquals([result.code, result.stdout], [code, ""], result.stderr);
      assertStringIncludes(result.stderr, message);
    }
    const tree = await runCli(["generate", "a", "--steer", `${folder}/king.json`, "--tree"]);
    assertEquals(tree.code, 2);
    assertStringIncludes(tree.stderr, "leave --steer out");
  });
});

Deno.test("parseSteering() takes the last colon for the strength, and leaves drives and folders alone", () => {
  assertEquals(parseSteering("a.json"), { path: "a.json", strength: 1 });
  assertEquals(parseSteering("a.json:-2.5"), { path: "a.json", strength: -2.5 });
  assertEquals(parseSteering("C:\\a.json"), { path: "C:\\a.json", strength: 1 });
  assertEquals(parseSteering("x:1/a.json:2"), { path: "x:1/a.json", strength: 2 });
});

Deno.test("steerBy() refuses vectors of one layer that have two lengths", () => {
  let error: unknown;
  try {
    steerBy([{ layer: 1, vector: [1], strength: 1 }, { layer: 1, vector: [1, 2], strength: 1 }]);
  } catch (caught) {
    error = caught;
  }
  assert(error instanceof TypeError && error.message.includes("must have one length"));
});

Deno.test("serve --steer has clients ask for a vector by the name of its file", async () => {
  await withFiles(async (folder) => {
    const stop = new AbortController();
    const served = Promise.withResolvers<string>();
    const running = runCli(
      ["serve", "--model", "demo", "--port", "0", "--steer", `${folder}/king.json`],
      { signal: stop.signal, onStdout: (text) => served.resolve(text.trim()) },
    );
    try {
      const url = await Promise.race([served.promise, running.then(({ stderr }) => stderr)]);
      const ask = async (steer?: Record<string, number>) => {
        const body = JSON.stringify({ prompt: "ROMEO:", max_tokens: 12, temperature: 0, steer });
        const headers = { "content-type": "application/json" };
        return await (await fetch(`${url}/v1/completions`, { method: "POST", headers, body }))
          .json();
      };
      const plain = (await ask()).choices[0].text;
      assertEquals((await ask({ king: 0 })).choices[0].text, plain);
      assertNotEquals((await ask({ king: 8 })).choices[0].text, plain);
      assertStringIncludes((await ask({ queen: 8 })).error.message, "The vectors are king");
    } finally {
      stop.abort();
      await running;
    }
  });
});

Deno.test("patch --vector writes a steering vector that generate --steer reads", async () => {
  await withFiles(async (folder) => {
    const path = `${folder}/asks.json`;
    const patch = (...args: string[]) =>
      runCli(["patch", "What is", "It was", "--model", "demo", "--threads", "2", ...args]);
    const { code, stdout, stderr } = await patch("--vector", path, "--layer", "1");
    assertEquals([code, stdout, stderr], [0, "", `Wrote ${path}: ${vector.length} numbers.\n`]);
    assertEquals(JSON.parse(await Deno.readTextFile(path)), JSON.parse(KING));
    const king = await generate("--steer", `${folder}/king.json:8`);
    assertEquals((await generate("--steer", `${path}:8`)).stdout, king.stdout);
    // Texts of any lengths, and a layer in the middle.
    const shown = JSON.parse((await patch("--vector", "-")).stdout);
    assertEquals([shown.layer, shown.vector.length], [1, vector.length]);

    const again = await patch("--vector", path);
    assertEquals(again.code, 2);
    assertStringIncludes(again.stderr, "add --overwrite");
    assertEquals((await patch("--vector", path, "--overwrite")).code, 0);
    const wrong: [args: string[], message: string][] = [
      [["--layer", "1"], "--layer is for --vector"],
      [["--overwrite"], "--overwrite is for --vector"],
      [["--vector", "-", "--json"], "leave --json out"],
      [
        ["--vector", "-", "--layer", "4"],
        "Cannot find a steering vector: --layer must be an integer from 0 to 3",
      ],
    ];
    for (const [args, message] of wrong) {
      const { code, stdout, stderr } = await patch(...args);
      assertEquals([code, stdout], [2, ""]);
      assertStringIncludes(stderr, message);
    }
  });
});
