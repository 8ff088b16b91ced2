/**
 * Which permissions what needs, as docs/install.md has it: with these it works, and without one of them the error names it.
 *
 * @module
 */
import { assert, assertEquals, assertNotMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { PACKAGE } from "./jsr_registry.ts";
import { type LibrarySource, type Outcome, User, World } from "./user.ts";

const MOD = fileURLToPath(new URL("../../mod.ts", import.meta.url));
const SHORT = ["--greedy", "-n", "2", "--threads", "1", "--quiet"];
const DEMO = ["ROMEO:", "--model", "demo", ...SHORT];
const GPT2 = ["Once", ...SHORT];
const PROGRAM = `
import { GPT2 } from "jsr:${PACKAGE}";
try {
  using model = await GPT2.fromPretrained("demo", { threads: 1 });
  await model.generateText("ROMEO:", { maxNewTokens: 2 });
} catch (error) {
  console.error("error: " + error.message);
  Deno.exit(error.name === "NativeLibraryError" || error.name === "NotCapable" ? 78 : 1);
}
`;

interface Scenario {
  readonly name: string;
  /** All that it needs. */
  readonly permissions: readonly string[];
  /** Where the native library comes from. Default: what is built here */
  readonly library?: LibrarySource;
  /** What was done before, with all permissions. */
  readonly before?: (user: User) => Promise<Outcome>;
  readonly run: (user: User, permissions: readonly string[]) => Promise<Outcome>;
}

const FIRST = [
  "--allow-ffi",
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-net",
  "--allow-run",
];
const LATER = ["--allow-ffi", "--allow-read", "--allow-env"];

const scenarios: readonly Scenario[] = [
  {
    name: "the demo model in a clone",
    permissions: ["--allow-ffi", "--allow-read"],
    // The library of a clone is the one that was built there.
    run: (user, permissions) =>
      user.deno(["run", "--no-prompt", ...permissions, MOD, ...DEMO], { GPT2_NATIVE_LIBRARY: "" }),
  },
  {
    name: "the first start with the demo model",
    permissions: FIRST,
    run: (user, permissions) => user.run(permissions, DEMO),
  },
  {
    name: "a later start with the demo model",
    permissions: LATER,
    before: (user) => user.run(["-A"], DEMO),
    run: (user, permissions) => user.run(permissions, DEMO),
  },
  {
    name: "the first start with gpt2",
    library: "npm",
    permissions: FIRST,
    run: (user, permissions) => user.run(permissions, GPT2),
  },
  {
    name: "a later start with gpt2",
    library: "npm",
    permissions: LATER,
    before: (user) => user.run(["-A"], GPT2),
    run: (user, permissions) => user.run(permissions, GPT2),
  },
  {
    name: "a later start of a program that imports the library",
    permissions: LATER,
    before: (user) => user.run(["-A"], DEMO),
    run: (user, permissions) => {
      Deno.writeTextFileSync(user.file("main.ts"), PROGRAM);
      return user.deno(["run", "--quiet", "--no-prompt", ...permissions, "main.ts"]);
    },
  },
];

for (const { name, permissions, library, before, run } of scenarios) {
  Deno.test(`${name} needs ${permissions.join(" ")}`, async (t) => {
    await using world = await World.create(library);
    using prepared = before && new User(world, world.denoFolder);
    if (prepared !== undefined) {
      const { code, stderr } = await before!(prepared);
      assertEquals(code, 0, stderr);
    }
    const attempt = async (given: readonly string[]) => {
      // What is started for the first time is so for a new user only.
      using user = new User(world, world.denoFolder);
      return await run(prepared ?? user, given);
    };
    await t.step("and no more", async () => {
      const { code, stderr } = await attempt(permissions);
      assertEquals([code, stderr], [0, ""]);
    });
    for (const missing of permissions) {
      await t.step(`without ${missing} it ends with 78 and names it`, async () => {
        const { code, stdout, stderr } = await attempt(permissions.filter((p) => p !== missing));
        assertStringIncludes(stderr, missing);
        assert(stderr.startsWith("error: "), stderr);
        assertNotMatch(stderr, /\n\s+at /);
        assertEquals([code, stdout], [78, ""]);
      });
    }
  });
}
