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
import { parseFlags } from "./parse_flags.ts";

const { values: { kind = "texts", programs = "10000", seed = "1" } } = parseFlags(
  Deno.args,
  { values: ["kind", "programs", "seed"] },
  (problem) => new RangeError(`Cannot fuzz: ${problem}`),
);
const numPrograms = Number(programs);
const firstSeed = Number(seed);
if (!Number.isSafeInteger(numPrograms) || numPrograms < 1 || !Number.isSafeInteger(firstSeed)) {
  console.error(
    `Cannot fuzz: --programs and --seed must be integers: received ${programs}, ${seed}`,
  );
  Deno.exit(2);
}
const known = programKinds.find((each) => each === kind);
if (known === undefined) {
  console.error(`Cannot fuzz: --kind must be one of ${programKinds.join(", ")}: received ${kind}`);
  Deno.exit(2);
}
const { numCalls, numErrors } = await fuzzPublicCalls({
  numPrograms,
  seed: firstSeed,
  kind: known,
});
console.log(
  `${numPrograms} programs, ${numCalls} calls, ${numErrors} errors, none that ended the process`,
);
