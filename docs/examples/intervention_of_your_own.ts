// An intervention is a function of the graph: here one that turns up what the MLPs say, where the model has written itself.
//
//     deno run -A docs/examples/intervention_of_your_own.ts
import { GPT2, type Intervention } from "@allformers/gpt2";
import { scale } from "@allformers/gpt2/ops";

using model = await GPT2.fromPretrained("demo");
for (const factor of [0, 1, 1.5]) {
  const louder: Intervention = { change: (x) => scale(x, factor), during: "continuation" };
  const text = await model.generateText("MENENIUS:\nWhat work's, my countrymen, in hand?", {
    maxNewTokens: 30,
    temperature: 0.7,
    seed: 3,
    intervene: { "blocks.*.mlp.output": louder },
  });
  console.log(`--- MLPs times ${factor}\n${text}\n`);
}
