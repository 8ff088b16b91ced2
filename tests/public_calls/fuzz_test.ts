import { assertGreater, assertRejects } from "@std/assert";
import { fuzzPublicCalls } from "./fuzz.ts";

const NUM_PROGRAMS = 200;
const SEED = 20261128;

Deno.test("no sequence of public calls ends the process", async () => {
  const { numCalls, numErrors } = await fuzzPublicCalls({ numPrograms: NUM_PROGRAMS, seed: SEED });
  // Programs of which everything fails, or nothing, would test little.
  assertGreater(numErrors, numCalls / 4);
  assertGreater(numCalls, NUM_PROGRAMS * 50);
});

Deno.test("fuzzPublicCalls() names the first program that ends its process", async () => {
  const child = new URL("dying_child.ts", import.meta.url);
  await assertRejects(
    () => fuzzPublicCalls({ numPrograms: 10, seed: 1, numPerProcess: 5, child }),
    Error,
    "child.ts 8 1 trace",
  );
});
