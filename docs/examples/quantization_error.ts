// Where does quantization hurt? The activations of quantized models beside those of the exact one, layer by layer.
//
//     deno run -A docs/examples/quantization_error.ts
import { GPT2 } from "@allformers/gpt2";
import { compareActivations } from "@allformers/gpt2/inspect";

using exact = await GPT2.fromPretrained("demo", { type: "f32" });
const tokens = exact.tokenizer!.encode(
  "First Citizen:\nBefore we proceed any further, hear me speak.",
);
const types = ["f16", "q8_0", "q4_0"] as const;

const rows = new Map<string, string[]>();
for (const type of types) {
  using quantized = await GPT2.fromPretrained("demo", { type });
  for (const { name, relativeError } of await compareActivations(exact, quantized, tokens)) {
    rows.set(name, [...rows.get(name) ?? [], `${(100 * relativeError).toFixed(2)} %`]);
  }
}
console.log("".padEnd(26), types.map((type) => type.padStart(8)).join(" "));
for (const [name, errors] of rows) {
  console.log(name.padEnd(26), errors.map((error) => error.padStart(8)).join(" "));
}
