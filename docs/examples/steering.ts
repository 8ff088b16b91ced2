// The same prompt and the same seed, pushed towards how Romeo and Juliet speak, and the other way: towards Coriolanus.
//
//     deno run -A docs/examples/steering.ts
import { GPT2 } from "@allformers/gpt2";
import { steer, steeringVector } from "@allformers/gpt2/inspect";

const layer = 2;
using model = await GPT2.fromPretrained("demo");
const beginnings = (speakers: string[]) =>
  speakers.flatMap((speaker) =>
    ["O", "And"].map((word) => model.tokenizer!.encode(`${speaker}:\n${word}`))
  );
const vector = await steeringVector(
  model,
  beginnings(["ROMEO", "JULIET"]),
  beginnings(["CORIOLANUS", "KING RICHARD III"]),
  layer,
);

const steering = steer(vector);
for (const strength of [-2, 0, 2]) {
  steering.strength = strength;
  const text = await model.generateText("First Citizen:\n", {
    maxNewTokens: 50,
    temperature: 0.7,
    seed: 2,
    intervene: { [`blocks.${layer}.residual`]: steering },
  });
  console.log(`--- strength ${strength}\n${text}\n`);
}
