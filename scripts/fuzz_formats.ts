/**
 * Reads damaged GGUF and safetensors files for as long as wanted; the tests do the same with 20,000 of each.
 *
 *     deno run -A scripts/fuzz_formats.ts --mutants 1000000 --seed 1
 *
 * Ends at the first defect, with the seed that shows it again (`--mutants 1 --seed N`).
 *
 * @module
 */

import { fuzz, GGUF_TARGET, SAFETENSORS_TARGET } from "../tests/formats/fuzz.ts";
import { parseFlags, refuseArguments } from "./parse_flags.ts";

const BATCH = 10_000;

const { values: { mutants = "100000", seed = "1" } } = parseFlags(
  Deno.args,
  { values: ["mutants", "seed"] },
);
const numMutants = Number(mutants);
const firstSeed = Number(seed);
if (!Number.isSafeInteger(numMutants) || numMutants < 1 || !Number.isSafeInteger(firstSeed)) {
  refuseArguments(`--mutants and --seed must be integers: received ${mutants}, ${seed}`);
}

for (
  const [name, target] of [["GGUF", GGUF_TARGET], ["safetensors", SAFETENSORS_TARGET]] as const
) {
  let numAccepted = 0;
  let slowestMs = 0;
  for (let done = 0; done < numMutants; done += BATCH) {
    const summary = fuzz(target, Math.min(BATCH, numMutants - done), firstSeed + done);
    numAccepted += summary.numAccepted;
    slowestMs = Math.max(slowestMs, summary.slowestMs);
  }
  const numRefused = numMutants - numAccepted;
  console.log(
    `${name}: ${numAccepted} accepted, ${numRefused} refused, slowest ${slowestMs.toFixed(1)} ms`,
  );
}
