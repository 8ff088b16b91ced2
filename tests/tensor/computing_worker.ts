/** Loads models and computes with them until it is terminated. */
import { GPT2 } from "../../src/gpt2.ts";

(self as unknown as { postMessage(message: string): void }).postMessage("ready");
while (true) {
  const model = await GPT2.fromPretrained("demo", { type: "q8_0", threads: 2 });
  await model.generateText("ROMEO:", { maxNewTokens: 20, seed: 1 });
  await model.forward([1, 2, 3]);
}
