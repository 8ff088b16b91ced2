import { assertEquals, assertMatch, assertStrictEquals, assertStringIncludes } from "@std/assert";
import { withAlternative } from "../../src/cli/download_notice.ts";
import { HubError } from "../../src/base/errors.ts";
import { resolveModel } from "../../src/model_store/resolve_model.ts";
import { fetchModel } from "../../src/model_store/hub/fetch_model.ts";
import { UnreachableError } from "../../src/model_store/hub/retries.ts";
import { FakeHub } from "../model_store/hub/fake_hub.ts";
import { runCli } from "./run_cli.ts";
import { testWithHub } from "./test_with_hub.ts";

const GENERATE = ["Once", "--greedy", "-n", "4", "--threads", "1"];
/** What is written to stderr if nothing was downloaded. */
const TIMING = /^\d+ tokens?[^\n]*\n$/;

testWithHub(
  "generate without --model downloads gpt2 once, and says so before",
  async (folder, hub) => {
    const first = await runCli(GENERATE);
    assertEquals(first.code, 0, first.stderr);
    assertMatch(first.stdout, /^Once./);
    const [notice, alternative, ...rest] = first.stderr.split("\n");
    assertEquals(
      notice,
      `gpt2 is not on this machine yet: downloading model.safetensors, 114.2 kB, ` +
        `from ${hub.endpoint} into ${folder.file("hf/hub")}, once.`,
    );
    assertEquals(alternative, "--model demo needs no download.");
    assertMatch(rest.join("\n"), TIMING);

    hub.seen.length = 0;
    const second = await runCli(GENERATE);
    assertMatch(second.stderr, TIMING);
    assertEquals([second.code, second.stdout, hub.seen], [0, first.stdout, []]);
  },
);

testWithHub("the notice comes before the first byte of the weights", async (_folder, hub) => {
  const stderr: string[] = [];
  let before = "";
  hub.misbehave = (_request, { server }) => {
    if (server === "storage") before = stderr.join("");
    return undefined;
  };
  await runCli(["info", "gpt2"], { onStderr: (text) => void stderr.push(text) });
  assertStringIncludes(before, "downloading model.safetensors, 114.2 kB");
});

testWithHub(
  "generate without --model uses what Python downloaded, silently",
  async (_folder, hub) => {
    await resolveModel("gpt2", { type: "original" });
    hub.seen.length = 0;
    const { code, stderr } = await runCli(GENERATE);
    assertMatch(stderr, TIMING);
    assertEquals([code, hub.seen], [0, []]);
  },
);

testWithHub("generate --quiet says nothing of a download", async () => {
  const { code, stderr } = await runCli([...GENERATE, "--quiet"]);
  assertEquals([code, stderr], [0, ""]);
});

testWithHub(
  "offline, a command without --model ends with 69 and one sentence",
  async (_folder, hub) => {
    Deno.env.set("HF_HUB_OFFLINE", "1");
    for (const args of [GENERATE, ["bench"]]) {
      assertEquals(await runCli(args), {
        code: 69,
        stdout: "",
        stderr:
          'error: Cannot download "gpt2", which is not on this machine: HF_HUB_OFFLINE is set: ' +
          "go online once, or use --model demo, which needs no download.\n",
      });
    }
    const { stderr } = await runCli(["info", "gpt2"]);
    assertStringIncludes(stderr, "or use info demo, which needs no download.");
    assertEquals(hub.seen, []);
  },
);

testWithHub("offline, --model demo works, and tokenize without a model", async (_folder, hub) => {
  Deno.env.set("HF_HUB_OFFLINE", "1");
  const { code, stderr } = await runCli([...GENERATE, "--model", "demo"]);
  assertEquals(code, 0, stderr);
  assertEquals((await runCli(["tokenize", "--ids", "Hello world"])).stdout, "15496 995\n");
  assertEquals(hub.seen, []);
});

testWithHub("GPT2_MODEL names the model of a command that was given none", async () => {
  Deno.env.set("GPT2_MODEL", "demo");
  const byVariable = await runCli([...GENERATE, "--json"]);
  assertEquals(JSON.parse(byVariable.stdout).model, "demo");
  // The last --model counts, so that a script can have one and its user another.
  const args = ["tokenize", "--json", "x", "--model", "nowhere.gguf", "--model", "gpt2"];
  assertEquals(JSON.parse((await runCli(args)).stdout).model, "gpt2");
});

Deno.test("deno task start continues a text, also an empty one, with the demo model", async () => {
  const file = new URL("../../deno.json", import.meta.url);
  const { tasks } = JSON.parse(await Deno.readTextFile(file));
  assertMatch(
    tasks.start,
    /&& GPT2_MODEL=demo deno run -A --unstable-lazy-dynamic-imports mod\.ts generate$/,
  );
});

testWithHub("a hub that cannot be reached is told from one that refuses", async (folder) => {
  const hub = new FakeHub();
  const settings = hub.settings(folder.path);
  await hub[Symbol.asyncDispose]();
  const fetching = fetchModel({ repo: "owner/name", revision: "main" }, settings);
  const error = await fetching.catch((error) => error);
  assertEquals(error.constructor, UnreachableError);

  const explained = withAlternative("owner/name", "--model demo", error) as HubError;
  assertMatch(
    explained.message,
    /^Cannot download "owner\/name", which is not on this machine: https?:\S+ cannot be reached: go online once, or use --model demo, which needs no download\.$/,
  );
  assertStrictEquals(explained.cause, error);
  for (const other of [new HubError("refused", { status: 403 }), new TypeError("x")]) {
    assertStrictEquals(withAlternative("owner/name", "--model demo", other), other);
  }
  assertStrictEquals(withAlternative("demo", "--model demo", error), error);
});
