// Which heads and MLPs speak for one token and against another?
//
//     deno run -A docs/examples/attribution.ts
import { GPT2 } from "@allformers/gpt2";
import { directLogitAttribution } from "@allformers/gpt2/inspect";

using model = await GPT2.fromPretrained("demo");
const tokens = model.tokenizer!.encode("God save the king and");
const [answer, against] = [" his", " her"].map((text) => model.tokenizer!.encode(text)[0]);
const { logit, contributions } = await directLogitAttribution(model, tokens, { answer, against });

console.log(
  `" his" is ${Math.exp(logit).toFixed(2)} times as likely as " her": ${
    logit.toFixed(2)
  } is the sum of`,
);
for (const { name, logit } of contributions) {
  const bar = (logit < 0 ? "-" : "+").repeat(Math.round(Math.abs(logit) * 20));
  console.log(name.padEnd(30), logit.toFixed(3).padStart(7), bar);
}
