import { assertGreater, assertRejects } from "@std/assert";
import { fuzzPublicCalls } from "./fuzz.ts";

const NUM_PROGRAMS = 200;
const SEED = 20261128;

Deno.test("no sequence of public calls ends the process", async () => {
  const programs = { numPrograms: NUM_PROGRAMS, seed: SEED, kind: "graphs" } as const;
  const { numCalls, numErrors } = await fuzzPublicCalls(programs);
  // Programs of which everything fails, or nothing, would test little.
  assertGreater(numErrors, numCalls / 4);
  assertGreater(numCalls, NUM_PROGRAMS * 50);
});

Deno.test("whatever is called on texts, calls settle, errors are ours, and logits right", async () => {
  const programs = { numPrograms: NUM_PROGRAMS, seed: SEED, kind: "texts" } as const;
  const { numCalls, numErrors } = await fuzzPublicCalls(programs);
  assertGreater(numErrors, numCalls / 4);
  assertGreater(numCalls, numErrors * 1.2);
  assertGreater(numCalls, NUM_PROGRAMS * 15);
});

Deno.test("whatever is called while a model is trained, calls settle, and errors are ours", async () => {
  const programs = { numPrograms: NUM_PROGRAMS, seed: SEED, kind: "training" } as const;
  const { numCalls, numErrors } = await fuzzPublicCalls(programs);
  assertGreater(numErrors, numCalls / 4);
  assertGreater(numCalls, numErrors * 1.2);
  assertGreater(numCalls, NUM_PROGRAMS * 15);
});

Deno.test("fuzzPublicCalls() names the first program that ends its process", async () => {
  const child = new URL("dying_child.ts", import.meta.url);
  await assertRejects(
    () => fuzzPublicCalls({ numPrograms: 10, seed: 1, kind: "texts", numPerProcess: 5, child }),
    Error,
    "child.ts 8 1 texts trace",
  );
});
