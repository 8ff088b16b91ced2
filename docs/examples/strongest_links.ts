// Which heads look where most in a text.
//
//     deno run -A docs/examples/strongest_links.ts
import { GPT2 } from "@allformers/gpt2";
import { attentionPatterns } from "@allformers/gpt2/inspect";

using model = await GPT2.fromPretrained("demo");
const tokens = model.tokenizer!.encode("ROMEO:\nO, speak again, bright angel! for thou art");
const textOf = (position: number) => JSON.stringify(model.tokenizer!.decode([tokens[position]]));

const { links } = await attentionPatterns(model, tokens, { top: 10 });
for (const { layer, head, query, key, weight } of links) {
  const share = `${(100 * weight).toFixed(0)} %`.padStart(5);
  console.log(`block ${layer}, head ${head}: ${share} of ${textOf(query)} to ${textOf(key)}`);
}
