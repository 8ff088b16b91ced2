// How surprising is each word of a sentence? In bits: one more means half as likely.
//
//     deno run -A docs/examples/surprisal.ts
import { GPT2 } from "@allformers/gpt2";

using model = await GPT2.fromPretrained("demo");
const tokens = model.tokenizer!.encode(
  "KING HENRY VI:\nThe queen shall love the banana and the crown.",
);
const { logits, shape: [, , vocab] } = await model.forward(tokens);

for (let position = 1; position < tokens.length; position++) {
  const row = logits.subarray((position - 1) * vocab, position * vocab);
  const sum = row.reduce((sum, logit) => sum + Math.exp(logit), 0);
  const bits = Math.log2(sum / Math.exp(row[tokens[position]]));
  const text = JSON.stringify(model.tokenizer!.decode([tokens[position]]));
  console.log(text.padEnd(12), bits.toFixed(1).padStart(5), "#".repeat(Math.round(bits * 2)));
}
