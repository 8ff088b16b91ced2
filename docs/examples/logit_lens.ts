// What would each layer have said next? The stream after each layer is read as if it were the last.
//
//     deno run -A docs/examples/logit_lens.ts
import { GPT2 } from "@allformers/gpt2";
import { logitLens } from "@allformers/gpt2/inspect";

using model = await GPT2.fromPretrained("demo");
const tokens = model.tokenizer!.encode("KING RICHARD");

for (const { name, positions } of await logitLens(model, tokens, { top: 4 })) {
  const { top, entropy } = positions.at(-1)!;
  const said = top.map(({ text, probability }) =>
    `${JSON.stringify(text)} ${probability.toFixed(2)}`
  );
  console.log(name.padEnd(18), said.join("  "), `  entropy ${entropy.toFixed(1)} nats`);
}
