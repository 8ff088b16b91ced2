import { assertEquals } from "@std/assert";
import { nameFlags } from "../../../src/cli/arguments/name_flags.ts";
import { generateFlags } from "../../../src/cli/arguments/generate_flags.ts";

/** Messages of the library, and what the command line makes of them. */
const MESSAGES = [
  ["maxNewTokens must be 1", "--max-new-tokens must be 1"],
  ['pass overflow "crop" to read', "pass --overflow crop to read"],
  ["topK and topP", "--top-k and --top-p"],
  ["logitBias[7] is not", "--logit-bias[7] is not"],
  ['received "maxNewTokens \\" topK"', 'received "maxNewTokens \\" topK"'],
  ['model "topK"', 'model "topK"'],
  ...["stop", "temperature", "order", "overflow", "speculate", "draft", "regex", "choices"].map((
    name,
  ) => [
    `Cannot generate: ${name} does not go together with numBeams: received "${name} is"`,
    `Cannot generate: --${name} does not go together with --num-beams: received "${name} is"`,
  ]),
  ["Cannot generate: regex has a \\b", "Cannot generate: --regex has a \\b"],
  ["Cannot use the CPU: threads must be", "Cannot use the CPU: --threads must be"],
  ["Cannot load the model: model cards", "Cannot load the model: model cards"],
  ["Cannot load the model: weights are", "Cannot load the model: weights are"],
  ['Cannot read "a: stop is": it', 'Cannot read "a: stop is": it'],
  ["a temperature and a model of the order", "a temperature and a model of the order"],
  [
    'Cannot generate: jsonSchema cannot be used: at "#/properties/topK" minItems is no count',
    'Cannot generate: --json-schema cannot be used: at "#/properties/topK" minItems is no count',
  ],
  ["Name it in `stop` or `word`", "Name it in --stop or `word`"],
  ["embeddingDim of the hasOwnProperty", "embeddingDim of the hasOwnProperty"],
];

for (const [message, expected] of MESSAGES) {
  Deno.test(`nameFlags() reads ${message}`, () => {
    assertEquals(nameFlags(message, generateFlags), expected);
  });
}
