// Activations while a text is written: how long the residual stream is after each block when it says the next token.
//
//     deno run -A docs/examples/streaming_activations.ts
import { GPT2 } from "@allformers/gpt2";

using model = await GPT2.fromPretrained("demo");
const stream = model.generate("JULIET:\nO Romeo,", {
  maxNewTokens: 12,
  seed: 1,
  capture: { names: ["blocks.*.residual"], positions: "last" },
});
for await (const { text, activations } of stream) {
  const lengths = [...activations!.values()].map(({ data }) => Math.hypot(...data).toFixed(1));
  console.log(
    JSON.stringify(text).padEnd(12),
    lengths.map((length) => length.padStart(6)).join(" "),
  );
}
