/**
 * Uses the package in random ways, right and wrong ones, for as long as wanted; the tests do the same with 200 programs.
 *
 *     deno run -A scripts/fuzz_public_calls.ts --kind graphs --programs 10000 --seed 1
 *     deno run -A scripts/fuzz_public_calls.ts --kind texts --programs 100000 --seed 1
 *     deno run -A scripts/fuzz_public_calls.ts --kind training --programs 10000 --seed 1
 *
 * Ends at the first program that ends its process, with the seed that shows it again.
 *
 * @module
 */
import { fuzzPublicCalls, programKinds } from "../tests/public_calls/fuzz.ts";
import { parseFlags, refuseArguments } from "./parse_flags.ts";

const { values: { kind = "texts", programs = "10000", seed = "1" } } = parseFlags(
  Deno.args,
  { values: ["kind", "programs", "seed"] },
);
const numPrograms = Number(programs);
const firstSeed = Number(seed);
if (!Number.isSafeInteger(numPrograms) || numPrograms < 1 || !Number.isSafeInteger(firstSeed)) {
  refuseArguments(`--programs and --seed must be integers: received ${programs}, ${seed}`);
}
const known = programKinds.find((each) => each === kind);
if (known === undefined) {
  refuseArguments(`--kind must be one of ${programKinds.join(", ")}: received ${kind}`);
}
const { numCalls, numErrors } = await fuzzPublicCalls({
  numPrograms,
  seed: firstSeed,
  kind: known,
});
console.log(
  `${numPrograms} programs, ${numCalls} calls, ${numErrors} errors, none that ended the process`,
);
