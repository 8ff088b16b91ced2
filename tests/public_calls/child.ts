/**
 * Runs random programs and says what they did, in a process of its own, since it may end:
 *
 *     deno run -A tests/public_calls/child.ts <first seed> <number of programs> <kind> [trace]
 *
 * @module
 */
import type { ProgramKind } from "./fuzz.ts";
import { makeRandomCalls } from "./random_calls.ts";
import { makeRandomTextCalls } from "./random_text_calls.ts";
import { makeRandomTrainingCalls } from "./random_training_calls.ts";

/** A program that takes longer hangs: they take milliseconds, but others may keep the machine busy. */
const MAX_MS = 120_000;

const [first, count, kind, isTraced] = Deno.args;
const makeCalls = {
  graphs: makeRandomCalls,
  texts: makeRandomTextCalls,
  training: makeRandomTrainingCalls,
}[kind as ProgramKind];
for (let seed = Number(first); seed < Number(first) + Number(count); seed++) {
  const trace = isTraced ? (call: string) => console.log(call) : undefined;
  const limit = setTimeout(() => {
    console.error(`program ${seed} hangs`);
    Deno.exit(1);
  }, MAX_MS);
  const { numCalls, numErrors } = await makeCalls(seed, trace);
  clearTimeout(limit);
  console.log(`${seed} ${numCalls} ${numErrors}`);
}
