import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { NumericalError } from "../../src/base/errors.ts";
import { type Beam, Beams, type BeamSettings } from "../../src/generation/beams.ts";

const END = 0;

const settings: BeamSettings = {
  numBeams: 2,
  lengthPenalty: 1,
  earlyStopping: false,
  endOfText: new Set([END]),
  maxNewTokens: 10,
  contextLength: 100,
  processors: [],
  constraint: undefined,
  topLogProbabilities: 0,
};

const idsOf = ({ newTokens }: Beam) => newTokens.map(({ id }) => id);

/** A model of three tokens: a text soon ends, but one that begins with two ones almost surely goes on with ones. */
function probabilitiesAfter(ids: readonly number[]): number[] {
  if (ids.length === 0) return [0.5, 0.3, 0.2];
  if (ids[0] === 1 && ids[1] === 1) return [1e-9, 1, 1e-9];
  return [0.85, 0.1, 0.05];
}

/** Searches to the end. */
function search(changed: Partial<BeamSettings>, prompt = [7]): { beams: Beams; numSteps: number } {
  const beams = new Beams(prompt, { ...settings, ...changed });
  let numSteps = 0;
  while (!beams.isFinished) {
    numSteps++;
    beams.advance(
      beams.running.map((beam) =>
        Float32Array.from(probabilitiesAfter(idsOf(beam)), (each) => Math.log(each))
      ),
    );
  }
  return { beams, numSteps };
}

Deno.test('Beams stops when no beam is good enough as it is, with "never" when none can become so', () => {
  const soon = search({});
  assertEquals(soon.beams.finished.map(idsOf), [[1, END], [END]]);
  assertEquals(soon.numSteps, 2);
  const late = search({ earlyStopping: "never" });
  assertEquals(idsOf(late.beams.finished[0]), new Array(10).fill(1));
  assertAlmostEquals(late.beams.finished[0].score, (Math.log(0.3) + Math.log(0.1)) / 10, 1e-6);
  // Shorter texts score more here, so that none can become better by growing.
  assertEquals(search({ earlyStopping: "never", lengthPenalty: 0 }).numSteps, 2);
});

Deno.test("Beams ends where the context does", () => {
  const { beams } = search({ contextLength: 4, endOfText: new Set() }, [7, 8]);
  assertEquals(beams.finished.map(({ newTokens }) => newTokens.length), [3, 3]);
  assertEquals(beams.finished[0].finishReason, "contextLength");
});

Deno.test("Beams tells which beam each one continues", () => {
  const beams = new Beams([7], { ...settings, endOfText: new Set() });
  beams.advance([Float32Array.of(0, 2, 1)]);
  assertEquals(beams.running.map(({ parent }) => parent), [0, 0]);
  beams.advance([Float32Array.of(0, 0, 0), Float32Array.of(0, 90, 0)]);
  assertEquals(beams.running.map(idsOf), [[2, 1], [1, 0]]);
  assertEquals(beams.running.map(({ parent }) => parent), [1, 0]);
});

Deno.test("Beams goes on with fewer beams where no more can follow, and refuses to invent one", () => {
  const banned = [Float32Array.of(-Infinity, 0, -Infinity)];
  const beams = new Beams([7], settings);
  beams.advance(banned);
  assertEquals(beams.running.map(idsOf), [[1]]);
  const infinite = [(logits: Float32Array) => void (logits[1] += Infinity)];
  assertThrows(
    () => new Beams([0], { ...settings, processors: infinite }).advance([Float32Array.of(0, 1, 0)]),
    NumericalError,
    "the logit of token 1 is not a finite number",
  );
  const processors = [(logits: Float32Array) => void logits.fill(-Infinity)];
  const none = new Beams([7], { ...settings, processors });
  assertThrows(() => none.advance(banned), NumericalError, "Cannot choose a token");
});
