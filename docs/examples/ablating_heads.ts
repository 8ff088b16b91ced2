// How much worse does the model get without one head, and without one MLP?
//
//     deno run -A docs/examples/ablating_heads.ts
import { GPT2, type Interventions } from "@allformers/gpt2";
import { ablate } from "@allformers/gpt2/inspect";

const text = `KING RICHARD III:
Now is the winter of our discontent
Made glorious summer by this sun of York;
And all the clouds that lour'd upon our house
In the deep bosom of the ocean buried.
`;
using model = await GPT2.fromPretrained("demo");
const tokens = model.tokenizer!.encode(text);

const signed = (value: number) => (value < 0 ? "" : "+") + value.toFixed(3);

async function lossWith(intervene: Interventions): Promise<number> {
  const targets = tokens.slice(1);
  const { loss } = await model.forward(tokens.slice(0, -1), { targets, logits: "none", intervene });
  return loss!;
}

const before = await lossWith({});
console.log(`as it is: ${before.toFixed(3)} nats per token`);
for (let layer = 0; layer < model.config.numLayers; layer++) {
  const more: string[] = [];
  for (let head = 0; head < model.config.numHeads; head++) {
    const name = `blocks.${layer}.attention.attended`;
    more.push(signed(await lossWith({ [name]: ablate({ heads: [head] }) }) - before));
  }
  const mlp = await lossWith({ [`blocks.${layer}.mlp.output`]: ablate() }) - before;
  const heads = more.join(", ");
  console.log(`block ${layer}: without a head ${heads}; without the MLP ${signed(mlp)}`);
}
