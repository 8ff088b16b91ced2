// How much does the answer depend on what was computed on the way? Gradients say so for all of it at once.
//
//     deno run -A docs/examples/gradients.ts
import { type CapturedActivations, GPT2 } from "@allformers/gpt2";

using model = await GPT2.fromPretrained("demo");
const encode = (text: string) => [...model.tokenizer!.encode(text)];
const [clean, corrupted] = ["God save the king and", "God save the queen and"].map(encode);
const [[answer], [against]] = [" his", " her"].map(encode);

/** At each position, the product of two activations. */
function products(a: CapturedActivations, b: CapturedActivations, name: string): number[] {
  const [x, { data, shape: [, seq, width] }] = [a.get(name)!.data, b.get(name)!];
  return Array.from({ length: seq }, (_, position) => {
    let sum = 0;
    for (let i = position * width; i < (position + 1) * width; i++) sum += x[i] * data[i];
    return sum;
  });
}
const names = ["embedding", ...[0, 1, 2].map((layer) => `blocks.${layer}.residual`)];
const { activations: cleanRun } = await model.forward(clean, { capture: names });
const options = { of: names, capture: names, answer, against };
const { gradients, activations } = await model.gradients(corrupted, options);

const print = (name: string, values: readonly (number | string)[]) => {
  const row = values.map((x) => (typeof x === "string" ? x : x.toFixed(2)).padStart(8));
  console.log(name.padEnd(18), row.join(""));
};
print("", corrupted.map((id) => model.tokenizer!.decode([id])));
// Saliency: gradient times input.
print("saliency", products(gradients, activations!, "embedding"));
// Attribution patching: what would change if an activation were that of the clean prompt, one and all in one pass.
for (const name of names) {
  const before = products(gradients, activations!, name);
  print(name, products(gradients, cleanRun!, name).map((after, i) => after - before[i]));
}
