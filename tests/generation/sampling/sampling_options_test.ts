import { assert, assertEquals, assertLess, assertStringIncludes, assertThrows } from "@std/assert";
import {
  defaultSamplingOptions,
  resolveSamplingOptions,
  samplingOptionNames,
  type SamplingOptions,
  validateSamplingOptions,
} from "../../../src/generation/sampling/sampling_options.ts";
import { Random } from "../../../src/base/random.ts";

const VOCAB_SIZE = 50_257;

/** Values that are out of range, and values that are not even of the right type. */
const REFUSED: Record<string, { outOfRange: unknown[]; wrongType: unknown[] }> = {
  temperature: {
    outOfRange: [NaN, -1, Infinity, -Infinity, -1e-9],
    wrongType: ["1", null, {}, true, 1n],
  },
  topK: { outOfRange: [1.5, -1, NaN, Infinity, 2 ** 53], wrongType: ["50", null, [50]] },
  topP: { outOfRange: [2, 0, NaN, -0.1, 1.0000001, Infinity], wrongType: ["0.9", null] },
  minP: { outOfRange: [2, NaN, -0.1, Infinity], wrongType: ["0.1", null] },
  typicalP: { outOfRange: [2, 0, NaN, -0.1], wrongType: ["0.9", null] },
  repetitionPenalty: { outOfRange: [NaN, 0, -1, Infinity], wrongType: ["1", null] },
  noRepeatNgramSize: { outOfRange: [1.5, -1, NaN, Infinity], wrongType: ["3", null] },
  presencePenalty: { outOfRange: [NaN, Infinity, -Infinity], wrongType: ["1", null] },
  frequencyPenalty: { outOfRange: [NaN, Infinity, -Infinity], wrongType: ["1", null] },
  seed: { outOfRange: [1.5, NaN, Infinity, 2 ** 53], wrongType: ["1", null, 1n] },
  greedy: { outOfRange: [], wrongType: [1, 0, "true", null] },
  order: { outOfRange: ["openai", ""], wrongType: [1, null, {}] },
  logitBias: {
    outOfRange: [
      { "-1": 0 },
      { [VOCAB_SIZE]: 0 },
      { "1.5": 0 },
      { "": 0 },
      { " 7": 0 },
      { "0x10": 0 },
      { x: 0 },
      { 5: NaN },
      { 5: Infinity },
      new Map([[-1, 0]]),
      new Map([[1.5, 0]]),
      new Map([["5", 0]]),
      new Map([[5, NaN]]),
    ],
    wrongType: [5, "5", null, true, { 5: "1" }, { 5: null }, new Map([[5, undefined]])],
  },
};

const ACCEPTED: SamplingOptions[] = [
  {},
  { temperature: 0, topK: 0, topP: 1, minP: 0, typicalP: 1, noRepeatNgramSize: 0 },
  { temperature: 1e300, topK: 2 ** 53 - 1, topP: 5e-324, minP: 1, typicalP: 5e-324 },
  { repetitionPenalty: 5e-324, presencePenalty: -2, frequencyPenalty: 2, noRepeatNgramSize: 1e9 },
  { greedy: true, order: "llama.cpp", seed: -(2 ** 53 - 1) },
  { logitBias: { 0: -Infinity, [VOCAB_SIZE - 1]: 100 } },
  { logitBias: new Map([[7, -0.5]]) },
  Object.fromEntries(samplingOptionNames.map((name) => [name, undefined])),
];

for (const [name, { outOfRange, wrongType }] of Object.entries(REFUSED)) {
  Deno.test(`validateSamplingOptions() refuses ${name} that is out of range or not of its type`, () => {
    for (
      const [ErrorClass, values] of [[RangeError, outOfRange], [TypeError, wrongType]] as const
    ) {
      for (const value of values) {
        const validate = () =>
          validateSamplingOptions({ [name]: value } as SamplingOptions, VOCAB_SIZE);
        const { message } = assertThrows(validate, ErrorClass, name);
        assertGoodMessage(message);
      }
    }
  });
}

Deno.test("validateSamplingOptions() accepts the limits themselves", () => {
  for (const options of ACCEPTED) validateSamplingOptions(options, VOCAB_SIZE);
});

Deno.test("there is a refused value for every option", () => {
  assertEquals(Object.keys(REFUSED).toSorted(), samplingOptionNames.toSorted());
});

Deno.test("validateSamplingOptions() refuses unknown options, and suggests what was meant", () => {
  const suggestions = {
    top_k: "Did you mean topK?",
    temprature: "Did you mean temperature?",
    repetitionPenality: "Did you mean repetitionPenalty?",
    numBeams: "The options are temperature, topK,",
    toString: "The options are",
    constructor: "The options are",
    hasOwnProperty: "The options are",
    ["x".repeat(100_000)]: "The options are",
  };
  for (const [name, suggestion] of Object.entries(suggestions)) {
    const options = { [name]: 1 } as SamplingOptions;
    const { message } = assertThrows(() => validateSamplingOptions(options), TypeError, suggestion);
    assertGoodMessage(message);
  }
});

Deno.test("validateSamplingOptions() refuses options that are no object", () => {
  for (const options of [null, 5, "topK", true]) {
    const validate = () => validateSamplingOptions(options as SamplingOptions);
    assertGoodMessage(assertThrows(validate, TypeError, "the options").message);
  }
});

Deno.test("validateSamplingOptions() does not check ids against a vocabulary it does not know", () => {
  validateSamplingOptions({ logitBias: { 10_000_000: 1 } });
  assertThrows(
    () => validateSamplingOptions({ logitBias: { "-1": 1 } }),
    RangeError,
    "a token id:",
  );
});

Deno.test("validateSamplingOptions() either accepts anything or says what is wrong with it", () => {
  const random = new Random(1);
  const pick = <T>(choices: readonly T[]): T => choices[Math.floor(random.next() * choices.length)];
  const names = [...samplingOptionNames, "topk", "__proto__", "", "0"];
  const values = [
    0,
    1,
    -1,
    0.5,
    1.5,
    1e308,
    NaN,
    Infinity,
    "",
    "1",
    null,
    undefined,
    true,
    1n,
    [],
    {},
  ]
    .concat([() => 1, Symbol("s"), { 5: 1 }, new Map(), new Date(0)] as never[]);
  let numAccepted = 0;
  for (let trial = 0; trial < 5000; trial++) {
    const options = { [pick(names)]: pick(values), [pick(names)]: pick(values) } as SamplingOptions;
    try {
      validateSamplingOptions(options, VOCAB_SIZE);
      resolveSamplingOptions(options, VOCAB_SIZE);
      numAccepted++;
    } catch (error) {
      assert(error instanceof TypeError || error instanceof RangeError, String(error));
      assertGoodMessage(error.message);
    }
  }
  assert(numAccepted > 100 && numAccepted < 4000, `${numAccepted} accepted`);
});

Deno.test("resolveSamplingOptions() fills in the defaults, for undefined too", () => {
  const settings = resolveSamplingOptions({ topP: 0.9, topK: undefined, seed: 5 }, VOCAB_SIZE);
  assertEquals(settings, { ...defaultSamplingOptions, topP: 0.9, seed: 5, logitBias: new Map() });
});

Deno.test("resolveSamplingOptions() makes a Map of the bias, which does not change with the object", () => {
  const logitBias: Record<number, number> = { 7: 1, 50256: -Infinity };
  const settings = resolveSamplingOptions({ logitBias }, VOCAB_SIZE);
  logitBias[8] = 5;
  assertEquals(settings.logitBias, new Map([[7, 1], [50256, -Infinity]]));
});

/** `Cannot sample: <what is wrong>: received <value>. <What to do>.`, and not at length. */
function assertGoodMessage(message: string): void {
  assertStringIncludes(message, ": received ");
  assert(/^Cannot sample: .*: received .*\. [A-Z].*[.?]$/s.test(message), message);
  assertLess(message.length, 500);
}
