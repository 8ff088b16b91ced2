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
  ["a temperature and a model of the order", "a temperature and a model of the order"],
  ["embeddingDim of the hasOwnProperty", "embeddingDim of the hasOwnProperty"],
];

for (const [message, expected] of MESSAGES) {
  Deno.test(`nameFlags() reads ${message}`, () => {
    assertEquals(nameFlags(message, generateFlags), expected);
  });
}
