/**
 * The package as its users meet it: from the registry, on a machine with nothing but Deno.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { DEMO_SHA256 } from "../../src/model_store/demo_model.ts";
import { PACKAGE } from "./jsr_registry.ts";
import { User, World } from "./user.ts";

const DEMO = "/src/demo/demo.gguf";
const SHORT = ["--greedy", "-n", "4", "--threads", "1"];

Deno.test("deno run -A jsr:@allformers/gpt2 <prompt> needs nothing but Deno", async () => {
  await using world = await World.create("npm");
  using user = new User(world);
  const first = await user.run(["-A"], ["Once upon a time", ...SHORT]);
  assertEquals(first.code, 0, first.stderr);
  assertMatch(first.stdout, /^Once upon a time./);
  assertMatch(
    first.stderr,
    /^gpt2 is not on this machine yet: downloading model\.safetensors, 114\.2 kB, from \S+ into \S+, once\.\n--model demo needs no download\.\nFetching the prebuilt ggml for \w+ \w+ \([\d.]+ MB, npm\) \.\.\.\n4 tokens/,
  );
  assert(!world.registry.seen.includes(DEMO));

  // From then on no network is needed: not for the program, nor for the model, nor for the native library.
  world.registry.seen.length = 0;
  world.hub.seen.length = 0;
  const nowhere = { NPM_CONFIG_REGISTRY: "http://127.0.0.1:1/" };
  const second = await user.run(["-A"], ["Once upon a time", ...SHORT], nowhere);
  assertEquals([second.code, second.stdout], [0, first.stdout]);
  assertMatch(second.stderr, /^4 tokens[^\n]*\n$/);
  assertEquals([world.registry.seen, world.hub.seen], [[], []]);
});

Deno.test("the demo model comes from the registry, once", async () => {
  await using world = await World.create();
  using user = new User(world);
  const args = ["ROMEO:", "--model", "demo", ...SHORT];
  const first = await user.run(["-A"], args);
  assertEquals(first.code, 0, first.stderr);
  const kept = user.cached().filter((path) => path.endsWith(".gguf"));
  assertEquals(kept.map((path) => path.replace(/^.*\//, "")), [
    `demo-${DEMO_SHA256.slice(0, 12)}.gguf`,
  ]);
  assertEquals(world.registry.seen.filter((path) => path === DEMO).length, 1);

  world.registry.seen.length = 0;
  const second = await user.run(["-A"], args);
  assertEquals([second.code, second.stdout, world.registry.seen], [0, first.stdout, []]);
  assertEquals(world.hub.seen, []);
});

Deno.test("a demo model that is not the published one is refused", async () => {
  await using world = await World.create();
  using user = new User(world);
  world.registry.misbehave = (path) => path === DEMO ? new Response("GGUF") : undefined;
  const { code, stdout, stderr } = await user.run(["-A"], ["x", "--model", "demo"]);
  assertEquals([code, stdout], [65, ""]);
  assertStringIncludes(stderr, "it is not the file that was published: received 4 bytes instead");
  world.registry.misbehave = (path) =>
    path === DEMO ? new Response("busy", { status: 503 }) : undefined;
  const busy = await user.run(["-A"], ["x", "--model", "demo"]);
  assertEquals([busy.code, busy.stdout], [69, ""]);
  assertStringIncludes(busy.stderr, "received status 503");
});

Deno.test("offline and without a model, the program says in one sentence what works", async () => {
  await using world = await World.create();
  using user = new User(world);
  const { code, stdout, stderr } = await user.run(["-A"], ["Once"], { HF_HUB_OFFLINE: "1" });
  assertEquals([code, stdout], [69, ""]);
  assertEquals(
    stderr,
    'error: Cannot download "gpt2", which is not on this machine: HF_HUB_OFFLINE is set: ' +
      "go online once, or use --model demo, which needs no download.\n",
  );
});

Deno.test("what needs no model needs no permission", async () => {
  await using world = await World.create();
  using user = new User(world);
  const help = await user.run([], ["--help"]);
  assertStringIncludes(help.stdout, `Usage: deno run -A jsr:${PACKAGE} [generate] [prompt]`);
  const tokens = await user.run([], ["tokenize", "--ids", "Hello world"]);
  assertEquals([tokens.code, tokens.stdout], [0, "15496 995\n"]);
  assertEquals(user.cached(), []);
});

Deno.test("deno install makes it a program of its own, without any other package", async () => {
  await using world = await World.create();
  using user = new User(world);
  const { code, stderr } = await user.deno([
    ...["install", "--quiet", "--global", "-A", "--name", "gpt2", "--root", user.file("")],
    `jsr:${PACKAGE}`,
  ]);
  assertEquals([code, stderr], [0, ""]);
  const [path] = [...Deno.readDirSync(user.file("bin"))].map(({ name }) => name)
    .filter((name) => /^gpt2(\.cmd)?$/.test(name));
  assertStringIncludes(Deno.readTextFileSync(user.file(`bin/${path}`)), `jsr:${PACKAGE}`);
});

const PROGRAM = `
import { type GeneratedToken, GPT2, Tokenizer } from "${PACKAGE}";

using model = await GPT2.fromPretrained(Deno.args[0], { threads: 1 });
const texts: string[] = [];
for await (const token of model.generate("Once", { maxNewTokens: 4, greedy: true })) {
  const { text }: GeneratedToken = token;
  texts.push(text);
}
const tokenizer = await Tokenizer.gpt2();
console.log(JSON.stringify([texts.length, tokenizer.encode("Hello world")]));
`;

Deno.test("a program that adds the package imports it as a library, with its types", async () => {
  await using world = await World.create();
  using user = new User(world);
  const added = await user.deno(["add", "--quiet", `jsr:${PACKAGE}`]);
  assertEquals(added.code, 0, added.stderr);
  assertStringIncludes(Deno.readTextFileSync(user.file("deno.json")), `jsr:${PACKAGE}@^`);
  Deno.writeTextFileSync(user.file("main.ts"), PROGRAM);
  for (const model of ["demo", "gpt2"]) {
    const { code, stdout, stderr } = await user.deno([
      ...["run", "--quiet", "--check", "-A", "main.ts", model],
    ]);
    assertEquals([code, stdout, stderr], [0, "[4,[15496,995]]\n", ""]);
  }
  // Imported, it is no program: the command line is not even loaded.
  Deno.writeTextFileSync(user.file("idle.ts"), `import "${PACKAGE}";\n`);
  const { code, stdout, stderr } = await user.deno(["run", "--quiet", "idle.ts", "Once"]);
  assertEquals([code, stdout, stderr], [0, "", ""]);
});
