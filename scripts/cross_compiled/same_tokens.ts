/**
 * Whether the demo model writes the same with a library for another system as with the one of this machine.
 *
 * @module
 */
import { LIBRARY_VARIABLE } from "../../src/native_library/locations.ts";
import { type ForeignDeno, root } from "./foreign_deno.ts";

const PROMPT =
  "ROMEO:\nWhat light is this, that breaks so soft, and who goes there at night?\n\nJULIET:\n";
const NUM_TOKENS = 40;

/** How the demo's matrices are held: as they are stored, and as types of which each has kernels of its own. */
const types = ["as stored", "q4_0", "f16"];

/** Greedy, so that nothing is left to chance; it throws where a token differs. */
export async function sameTokens(foreign: ForeignDeno, library: string): Promise<string[]> {
  const env = { [LIBRARY_VARIABLE]: foreign.pathThere(library) };
  const found: string[] = [];
  for (const type of types) {
    const args = [
      ...["run", "-A", "--no-check", "mod.ts", "generate", PROMPT, "--model", "demo", "--greedy"],
      ...["--max-new-tokens", String(NUM_TOKENS), "--json", "--threads", "2"],
      ...(type === "as stored" ? [] : ["--type", type]),
    ];
    const here = await new Deno.Command(Deno.execPath(), { args, cwd: root }).output();
    const expected = tokensIn(new TextDecoder().decode(here.stdout));
    const actual = tokensIn(await foreign.deno(args, env));
    if (expected.length !== NUM_TOKENS || actual.join() !== expected.join()) {
      throw new Error(`Other tokens with ${type}: ${actual.join()} instead of ${expected.join()}`);
    }
    found.push(`${type} (${actual.length})`);
  }
  return found;
}

function tokensIn(json: string): number[] {
  const { sequences: [{ tokens }] } = JSON.parse(json);
  return tokens.map(({ id }: { id: number }) => id);
}
