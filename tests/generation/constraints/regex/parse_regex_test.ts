// deno-lint-ignore-file no-import-prefix -- for tests only: not a dependency of the package
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { AST } from "npm:@eslint-community/regexpp@4.12.2";
import type { Pattern } from "../../../../src/generation/constraints/regex/regex_syntax.ts";

/** Does not pass the type checker where the parser gives something else than what is read. */
export function asPattern(pattern: AST.Pattern): Pattern {
  return pattern;
}

const compileConstraint = import.meta.resolve(
  "../../../../src/generation/constraints/compile_constraint.ts",
);
const tokenizer = import.meta.resolve("../../../../src/tokenizer/tokenizer.ts");

/** A program that asks for a constraint on "a" or "b", and says what happens. */
const program = (options: string) => `
  import { compileConstraint } from "${compileConstraint}";
  import { Tokenizer } from "${tokenizer}";
  const tokenizer = new Tokenizer({ tokens: ["a", "b"], merges: [] });
  await compileConstraint(${options}, tokenizer, []).then(
    () => console.log("made"),
    (error) => console.log(error.message),
  );
`;

async function run(options: string, files: Record<string, string> = {}) {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries({ ...files, "program.ts": program(options) })) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-lock", "program.ts"],
      cwd: folder,
      env: {
        DENO_DIR: `${folder}/cache`,
        NPM_CONFIG_REGISTRY: "http://127.0.0.1:1/",
        NO_COLOR: "1",
      },
    }).output();
    return new TextDecoder().decode(stdout).trim();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("no package is fetched for constraints without a regular expression", async () => {
  assertEquals(await run(`{ choices: ["ab"] }`), "made");
  // Its vocabulary cannot spell one: so far it came.
  assertStringIncludes(
    await run(`{ jsonSchema: { minLength: 1 } }`),
    "no tokens that spell such a text",
  );
});

Deno.test("parseRegex() says where to get the parser where it cannot be loaded", async () => {
  const message = await run(`{ regex: "a" }`);
  assertStringIncludes(message, "Cannot generate: regex needs a parser that could not be loaded");
  assertStringIncludes(message, 'Fetch it with "deno cache npm:@eslint-community/regexpp@');
  const inPackage = await run(`{ regex: "a" }`, { "package.json": "{}" });
  assertStringIncludes(inPackage, 'with "deno add npm:@eslint-community/regexpp@');
});
