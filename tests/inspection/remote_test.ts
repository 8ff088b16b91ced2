// Looking into a model whose layers are computed elsewhere.

import { assertEquals } from "@std/assert";
import { GPT2 } from "../../src/gpt2.ts";
import { explain } from "../../src/inspection/explain.ts";
import { assertClose } from "../close.ts";
import { startRpcServer } from "../model/rpc_servers.ts";

/** Servers compute GELU from its parts, and what the logits say is read and summed up here. */
const TOLERANCE = 1e-4;

Deno.test("explain() and captures while writing say the same of layers on another machine", async () => {
  await using server = await startRpcServer();
  using local = await GPT2.fromPretrained("demo", { type: "f32", device: "cpu" });
  using remote = await GPT2.fromPretrained("demo", { type: "f32", rpc: [server.endpoint] });
  const tokens = local.tokenizer!.encode("KING RICHARD");
  const [here, there] = await Promise.all([local, remote].map((model) => explain(model, tokens)));
  for (const [i, { name, positions }] of here.lens.entries()) {
    for (const [position, { top, entropy, answer }] of positions.entries()) {
      const other = there.lens[i].positions[position];
      const values = ({ top, entropy, answer }: typeof other) => [
        ...top.map(({ probability }) => probability),
        entropy,
        answer.probability,
      ];
      assertClose(values(other), values({ top, entropy, answer }), TOLERANCE, name);
      assertEquals([other.answer.id, other.top[0].id], [answer.id, top[0].id], name);
    }
  }
  const logits = ({ attribution }: typeof here) =>
    attribution.contributions.map(({ logit }) => logit);
  assertClose(logits(there), logits(here), TOLERANCE, "contributions");
  const scores = ({ attention }: typeof here) =>
    attention.scores.map(({ previousToken }) => previousToken);
  assertClose(scores(there), scores(here), TOLERANCE, "scores of heads");

  const capture = ["blocks.*.residual", "blocks.1.attention.weights"];
  const options = { capture, greedy: true, maxNewTokens: 4 };
  const [own, theirs] = await Promise.all(
    [local, remote].map((model) => Array.fromAsync(model.generate("ROMEO:", options))),
  );
  for (const [step, { id, activations }] of own.entries()) {
    assertEquals(theirs[step].id, id);
    for (const [name, { shape, data }] of activations!) {
      const other = theirs[step].activations!.get(name)!;
      assertEquals(other.shape, shape, name);
      assertClose(other.data, data, TOLERANCE, name);
    }
  }
});
