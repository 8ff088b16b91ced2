// What an MLP writes is read by later blocks, and decides where their heads look. Which of the two is missed without it? With
// attention frozen as it was, only the first is lost. In the demo model that costs no less: where heads look is not what is missed.
//
//     deno run -A docs/examples/frozen_attention.ts
import { GPT2, type Interventions } from "@allformers/gpt2";
import { ablate, freeze } from "@allformers/gpt2/inspect";

using model = await GPT2.fromPretrained("demo");
const tokens = model.tokenizer!.encode(
  "First Citizen:\nWe are accounted poor citizens, the patricians good.",
);
const inputs = tokens.slice(0, -1);
const options = { targets: tokens.slice(1), logits: "none" } as const;

const capture = ["blocks.*.attention.weights"];
const { loss, activations } = await model.forward(inputs, { ...options, capture });
const frozen = Object.fromEntries([...activations!].map(([name, each]) => [name, freeze(each)]));

const without: Interventions = { "blocks.0.mlp.output": ablate() };
const free = await model.forward(inputs, { ...options, intervene: without });
const kept = await model.forward(inputs, { ...options, intervene: { ...without, ...frozen } });
console.log(`as it is:                                    ${loss!.toFixed(3)} nats per token`);
console.log(`without the first MLP:                       ${free.loss!.toFixed(3)}`);
console.log(`the same, with heads looking where they did: ${kept.loss!.toFixed(3)}`);
