/**
 * Steps of the same training by several programs, in turns.
 *
 * @module
 */
import { median } from "../../src/cli/bench/statistics.ts";
import { BenchError } from "../bench/command.ts";
import { createTokens, OurProgram } from "./ours.ts";
import type { Clock, Program, Shape } from "./program.ts";
import { TorchProcess } from "./torch.ts";

/** What a comparison is made with. */
export interface MeasureOptions {
  readonly rounds: number;
  readonly threads: number;
  readonly clock: Clock;
  readonly python: string;
  /** Names of programs in Python. */
  readonly peers: readonly string[];
  /** How long the first steps of a peer may take, compiling included; it is left out if they take longer. */
  readonly warmUpLimitMs: number;
  readonly onProgress: (doing: string) => void;
}

/** What a program has reached. */
export interface Outcome {
  readonly name: string;
  /** Of each round, the median of its steps. */
  readonly rounds: readonly number[];
  /** The fastest step of all. */
  readonly fastest: number;
  /** The loss of the first step, before which all programs have the same weights, and of the third. */
  readonly losses: readonly [number, number];
}

/** Why a program is not among the outcomes. */
export interface LeftOut {
  readonly name: string;
  readonly reason: string;
}

/** Losses of programs that do the same work may be apart by this share, by how they multiply. */
const LOSS_TOLERANCE = { F32: 2e-5, BF16: 3e-3 };

/** Steps before those that count, of which the losses are compared. */
const WARM_UP_STEPS = 3;

/**
 * Measures a shape.
 *
 * @throws {BenchError} if the programs do not compute the same loss
 */
export async function measureShape(
  shape: Shape,
  options: MeasureOptions,
): Promise<{ outcomes: Outcome[]; leftOut: LeftOut[] }> {
  const { rounds, threads, clock, onProgress } = options;
  await using resources = new AsyncDisposableStack();
  const own = (["f32", "bf16"] as const).map((precision) =>
    resources.use(new OurProgram(shape, precision, { threads, clock }))
  );
  const folder = resources.adopt(
    await Deno.makeTempDir(),
    (folder) => Deno.remove(folder, { recursive: true }),
  );
  await own[0].model.saveSafetensors(`${folder}/model`);
  await Deno.writeTextFile(`${folder}/model/batch.json`, JSON.stringify([...createTokens(shape)]));
  const candidates: Program[] = [...own];
  for (const names of Map.groupBy(options.peers, (name) => name.split(" ")[0]).values()) {
    const { python } = options;
    const process = resources.use(
      new TorchProcess({ python, threads, clock, folder: `${folder}/model`, shape }),
    );
    candidates.push(...names.map((name) => process.program(name)));
  }
  const leftOut: LeftOut[] = [];
  const programs: { program: Program; losses: [number, number]; steps: number[][] }[] = [];
  for (const program of candidates) {
    onProgress(`${shape.name}: first steps of ${program.name}`);
    const done = await within(options.warmUpLimitMs, program.run(WARM_UP_STEPS)).catch((error) => {
      if (!(error instanceof BenchError)) throw error;
      leftOut.push({ name: program.name, reason: error.message });
    });
    if (done === undefined) continue;
    programs.push({ program, losses: [done.losses[0], done.losses.at(-1)!], steps: [] });
  }
  checkLosses(shape, programs);
  for (let round = 0; round < rounds; round++) {
    // Who goes first takes turns.
    for (const { program, steps } of round % 2 === 0 ? programs : programs.toReversed()) {
      steps.push([...(await program.run(shape.stepsPerRound)).ms]);
      const time = median(steps.at(-1)!).toFixed(1);
      onProgress(`${shape.name}: round ${round + 1}: ${program.name}: ${time} ms`);
    }
  }
  const outcomes = programs.map(({ program: { name }, losses, steps }) => ({
    name,
    losses,
    rounds: steps.map(median),
    fastest: Math.min(...steps.flat()),
  }));
  return { outcomes, leftOut };
}

function checkLosses(
  shape: Shape,
  programs: readonly { program: Program; losses: readonly [number, number] }[],
): void {
  const [{ losses: expected }] = programs;
  for (const { program: { name }, losses } of programs) {
    const tolerance = LOSS_TOLERANCE[name.endsWith("BF16") ? "BF16" : "F32"];
    if (losses.every((loss, i) => Math.abs(loss / expected[i] - 1) <= tolerance)) continue;
    throw new BenchError(
      `Cannot compare ${name} with ours, ${shape.name}: their losses of the first and the third step are not the ` +
        `same: received ${losses.join(", ")} and ${expected.join(", ")}`,
    );
  }
}

async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const message = `it took longer than ${limitMs / 1000} s to its first steps`;
  const timer = setTimeout(() => reject(new BenchError(message)), limitMs);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
