/**
 * Runs random programs and says what they did, in a process of its own, since it may end:
 *
 *     deno run -A tests/public_calls/child.ts <first seed> <number of programs> [trace]
 *
 * @module
 */
import { makeRandomCalls } from "./random_calls.ts";

const [first, count, isTraced] = Deno.args;
for (let seed = Number(first); seed < Number(first) + Number(count); seed++) {
  const trace = isTraced ? (call: string) => console.log(call) : undefined;
  const { numCalls, numErrors } = await makeRandomCalls(seed, trace);
  console.log(`${seed} ${numCalls} ${numErrors}`);
}
