/** Runs that are killed, over and over: what they have saved is there, and at the end they have done what one run does. */
import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { readTrainingRecord } from "../../../src/training/training_state.ts";
import { exists } from "../../../src/base/files.ts";
import type { Random } from "../../einops/random_pattern.ts";

const PROGRAM = fileURLToPath(new URL("../../../mod.ts", import.meta.url));

const NUM_STEPS = 60;

/** A process takes so long to begin, and a run so long at most. */
const [BEGIN_MS, RUN_MS] = [300, 1500];

const FLAGS = [
  ...["--layers", "1", "--heads", "2", "--width", "64", "--context", "16", "--batch-size", "2"],
  ...["--steps", `${NUM_STEPS}`, "--evaluate-every", "3", "--save-every", "1", "--threads", "1"],
];

/**
 * Trains, with a kill -9 at any time, and goes on until the run is done.
 *
 * @returns how it went
 */
export async function killedAndResumed(random: Random, data: string, out: string): Promise<string> {
  let numSaved = 0;
  let isBegun = false;
  for (let numKills = 0;; numKills++) {
    const args = isBegun ? ["--resume"] : ["--data", data, ...FLAGS];
    const process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", PROGRAM, "train", ...args, "--out", out, "--quiet"],
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const isLast = numKills === 4;
    const timer = isLast ? undefined : setTimeout(
      () => process.kill("SIGKILL"),
      BEGIN_MS + random.next() * RUN_MS,
    );
    const { code, stderr } = await process.output();
    clearTimeout(timer);
    const state = `${out}/state.safetensors`;
    isBegun = exists(state);
    // What was saved is never lost, and always whole.
    const saved = isBegun ? readTrainingRecord(state).step : 0;
    assert(saved >= numSaved, `${saved} after ${numSaved}`);
    numSaved = saved;
    const isKilled = code === 137 || code === 9;
    if (isKilled) continue;
    // Before the first state a folder that was begun is begun again.
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    assertEquals(numSaved, NUM_STEPS);
    const lines = Deno.readTextFileSync(`${out}/log.jsonl`).trimEnd().split("\n");
    const steps = lines.map((line) => JSON.parse(line)).filter(({ kind }) => kind === "step");
    assertEquals(steps.map(({ step }) => step), Array.from({ length: NUM_STEPS }, (_, i) => i + 1));
    const last = steps.at(-1).loss;
    return `with ${numKills} kills and a loss of ${last} at the end`;
  }
}
