// Where one head looks: a row for each token, and how much of its attention each earlier token gets, in percent.
//
//     deno run -A docs/examples/attention_of_a_head.ts
import { GPT2 } from "@allformers/gpt2";
import { activationAt } from "@allformers/gpt2/inspect";

const [layer, head] = [1, 1];
using model = await GPT2.fromPretrained("demo");
const tokens = model.tokenizer!.encode(
  "First Citizen:\nBefore we proceed any further, hear me speak.",
);

const name = `blocks.${layer}.attention.weights`;
const { activations } = await model.forward(tokens, { capture: [name], logits: "none" });
const weights = activations!.get(name)!; // batch heads seq_q seq_k

for (const [query, token] of [...tokens].entries()) {
  const row = [...activationAt(weights, 0, head, query).subarray(0, query + 1)];
  const cells = row.map((weight) => (100 * weight).toFixed(0).padStart(3)).join(" ");
  console.log(JSON.stringify(model.tokenizer!.decode([token])).padEnd(12), cells);
}
