// Where is it decided that a king is followed by other words than a queen? The residual stream of the one prompt is put into
// the other, at one layer and position at a time: 1.00 where that alone brings the clean answer back.
//
//     deno run -A docs/examples/patching.ts
import { GPT2 } from "@allformers/gpt2";
import { activationAt, activationPatching } from "@allformers/gpt2/inspect";

using model = await GPT2.fromPretrained("demo");
const [clean, corrupted] = ["God save the king and", "God save the queen and"].map((text) =>
  model.tokenizer!.encode(text)
);
const [answer, against] = [" his", " her"].map((text) => model.tokenizer!.encode(text)[0]);
const found = await activationPatching(model, {
  clean,
  corrupted,
  answer,
  against,
});

console.log("block ", [...clean].map((id) => model.tokenizer!.decode([id]).padStart(6)).join(" "));
for (let layer = 0; layer < model.config.numLayers; layer++) {
  const row = [...activationAt(found, layer)];
  console.log(`${layer}`.padEnd(6), row.map((value) => value.toFixed(2).padStart(6)).join(" "));
}
