// Which heads look at the token before, at the first token, or at what followed the same token before? The last would be
// induction heads; the demo model is too small to have learnt any: try "gpt2", in block 5.
//
//     deno run -A docs/examples/induction_heads.ts [model]
import { GPT2 } from "@allformers/gpt2";
import { headScores } from "@allformers/gpt2/inspect";

using model = await GPT2.fromPretrained(Deno.args[0] ?? "demo");
const scores = await headScores(model, { seed: 1 });

for (const job of ["previousToken", "firstToken", "duplicateToken", "induction"] as const) {
  const best = scores.toSorted((a, b) => b[job] - a[job]).slice(0, 3);
  const named = best.map((each) =>
    `block ${each.layer} head ${each.head} (${each[job].toFixed(3)})`
  );
  console.log(`${job.padEnd(14)} ${named.join(", ")}`);
}
