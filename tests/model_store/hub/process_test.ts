/**
 * What only processes of their own can show: killing one, two at the same time, the environment, permissions.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { TemporaryFolder } from "../../checkpoint/folders.ts";
import { checkpointFiles, COMMIT, FakeHub, PLAIN, sha256, stalling } from "./fake_hub.ts";

const MOD = fileURLToPath(new URL("../../../mod.ts", import.meta.url));
const REPO = "openai-community/gpt2";
const MODEL = Deno.readFileSync(new URL("model.safetensors", PLAIN));
/** Far longer than any test should take: what does not end by itself is ended then. */
const MAX_MS = 60_000;

/** A hub, and a folder that stands for the user's. */
class Setup implements AsyncDisposable {
  readonly hub = new FakeHub();
  readonly folder = new TemporaryFolder();
  readonly repo = this.folder.file(`hf/hub/models--openai-community--gpt2`);
  readonly gguf = this.folder.file(
    `cache/allformers/models/openai-community--gpt2/${COMMIT}/gpt2-Q8_0.gguf`,
  );

  constructor() {
    this.hub.add(REPO, checkpointFiles(PLAIN));
  }

  spawn(
    args: string[],
    permissions = ["-A"],
    variables: Record<string, string> = {},
  ): Deno.ChildProcess {
    return new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", ...permissions, MOD, ...args],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      env: {
        NO_COLOR: "1",
        // Whatever the tests themselves are run with.
        HF_HUB_CACHE: "",
        HUGGINGFACE_HUB_CACHE: "",
        HF_HUB_OFFLINE: "",
        TRANSFORMERS_OFFLINE: "",
        HF_TOKEN: "",
        HUGGING_FACE_HUB_TOKEN: "",
        HF_ENDPOINT: this.hub.endpoint,
        HF_HOME: this.folder.file("hf"),
        XDG_CACHE_HOME: this.folder.file("cache"),
        ...variables,
      },
      signal: AbortSignal.timeout(MAX_MS),
    }).spawn();
  }

  async run(args: string[], permissions?: string[], variables?: Record<string, string>) {
    const { code, stdout, stderr } = await this.spawn(args, permissions, variables).output();
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, stdout: decode(stdout), stderr: decode(stderr) };
  }

  numDownloads(): number {
    return this.hub.seen.filter(({ server }) => server === "storage").length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }
}

// The folders of other systems cannot be chosen by variables alone.
const test = (name: string, body: (setup: Setup) => Promise<void>) =>
  Deno.test({
    name,
    ignore: Deno.build.os !== "linux",
    fn: async () => {
      await using setup = new Setup();
      await body(setup);
    },
  });

const GENERATE = ["Once", "--model", "gpt2", "--greedy", "-n", "4"];

test("generate --model gpt2 downloads once, and afterwards needs no network", async (setup) => {
  const first = await setup.run(GENERATE);
  assertEquals(first.code, 0, first.stderr);
  assertMatch(first.stdout, /^Once./);
  assert(Deno.statSync(setup.gguf).isFile);
  setup.hub.seen.length = 0;
  const second = await setup.run(GENERATE, undefined, { HF_HUB_OFFLINE: "1" });
  assertEquals([second.code, second.stdout], [0, first.stdout]);
  assertEquals(setup.hub.seen, []);
});

test("two processes that want a model at the same time download it once", async (setup) => {
  const results = await Promise.all([
    setup.run(["models", "pull", "gpt2"]),
    setup.run(["models", "pull", "gpt2"]),
  ]);
  for (const { code, stdout, stderr } of results) {
    assertEquals([code, stdout, stderr], [0, `${setup.gguf}\n`, ""]);
  }
  assertEquals(setup.numDownloads(), 1);
});

test("a process that was killed leaves a cache that the next one completes", async (setup) => {
  const half = MODEL.length >> 1;
  const begun = Promise.withResolvers<void>();
  setup.hub.misbehave = (_request, { server }) => {
    if (server !== "storage") return undefined;
    setTimeout(begun.resolve, 300); // By then the first bytes are on disk.
    return stalling(MODEL.subarray(0, half));
  };
  const child = setup.spawn(["models", "pull", "gpt2"]);
  await begun.promise;
  child.kill("SIGKILL");
  await child.output();
  const blobs = () => Array.from(Deno.readDirSync(`${setup.repo}/blobs`), ({ name }) => name);
  const etag = sha256(MODEL);
  assertEquals(blobs().filter((name) => name.startsWith(etag)).map((name) => name.slice(-11)), [
    ".incomplete",
  ]);

  setup.hub.misbehave = () => undefined;
  setup.hub.seen.length = 0;
  const { code, stdout } = await setup.run(["models", "pull", "gpt2"]);
  assertEquals([code, stdout], [0, `${setup.gguf}\n`]);
  assertEquals(setup.hub.seen.at(-1)!.range, `bytes=${half}-`);
  assertEquals(blobs().filter((name) => name.startsWith(etag)), [etag]);
});

test("Ctrl-C during a download ends the program with 130", async (setup) => {
  const begun = Promise.withResolvers<void>();
  setup.hub.misbehave = (_request, { server }) => {
    if (server !== "storage") return undefined;
    setTimeout(begun.resolve, 50);
    return stalling(MODEL.subarray(0, 100));
  };
  const child = setup.spawn(GENERATE);
  await begun.promise;
  child.kill("SIGINT");
  assertEquals((await child.output()).code, 130);
});

const FAILURES:
  readonly (readonly [what: string, answer: () => Response, code: number, message: string])[] = [
    ["401", () => new Response(null, { status: 401 }), 77, "set HF_TOKEN"],
    ["403", () => new Response(null, { status: 403 }), 77, "set HF_TOKEN"],
    ["404", () => new Response(null, { status: 404 }), 66, "no such model"],
    ["400", () => new Response(null, { status: 400 }), 69, "the hub refused"],
  ];

for (const [what, answer, expected, message] of FAILURES) {
  test(`the program ends with ${expected} if the hub answers ${what}`, async (setup) => {
    setup.hub.misbehave = answer;
    const { code, stdout, stderr } = await setup.run(["info", "gpt2"]);
    assertEquals([code, stdout], [expected, ""]);
    assertStringIncludes(stderr, message);
  });
}

test("the program ends with 69 offline, and makes no request", async (setup) => {
  const { code, stderr } = await setup.run(["info", "gpt2"], undefined, { HF_HUB_OFFLINE: "1" });
  assertEquals(code, 69);
  assertStringIncludes(stderr, "HF_HUB_OFFLINE");
  assertEquals(setup.hub.seen, []);
});

test("the program names the permission that a download needs", async (setup) => {
  const { code, stderr } = await setup.run(["info", "gpt2"], [
    "--allow-read",
    "--allow-write",
    "--allow-env",
  ]);
  assertEquals(code, 78, stderr);
  assertStringIncludes(stderr, "--allow-net");
});

test("a cache is filled with copies where links may not be made", async (setup) => {
  const permissions = [
    "--allow-read",
    `--allow-write=${setup.folder.path}`,
    "--allow-env",
    "--allow-net",
  ];
  const { code, stderr } = await setup.run(
    ["convert", "gpt2", "-o", setup.folder.file("x.gguf")],
    permissions,
  );
  // Deno lets only who may write everywhere make links; and converting needs the native library, which is not allowed here.
  assertEquals(code, 78, stderr);
  const path = `${setup.repo}/snapshots/${COMMIT}/model.safetensors`;
  assertEquals(Deno.lstatSync(path).isSymlink, false);
  assertEquals(Deno.readFileSync(path), MODEL);
});
