// docs/activations.md, against what there is.

import { assert, assertEquals } from "@std/assert";
import { GPT2, GPT2Config, weightNames } from "../../mod.ts";
import { activationSites } from "../../src/model/activation_sites.ts";

const page = Deno.readTextFileSync(new URL("../../docs/activations.md", import.meta.url));

Deno.test("docs/activations.md has every activation, in order, with its axes and with its names elsewhere", () => {
  const [own] = page.split("## Weights");
  const [, elsewhere] = page.split("## Elsewhere");
  const rows = [...own.matchAll(/^\| `([^`]+)` +\| `([^`]+)` +\|/gm)];
  assertEquals(
    rows.map(([, name, axes]) => [name.replace(".N.", ".0."), axes]),
    activationSites({ numLayers: 1 }).map(({ name, axes }) => [name, axes]),
  );
  const others = [...elsewhere.matchAll(/^\| `([^`]+)` +\|([^|]+)\|/gm)];
  assertEquals(others.map(([, name]) => name), rows.map(([, name]) => name));
  for (const [, name, translation] of others) assert(translation.trim() !== "", name);
});

Deno.test("docs/activations.md has every weight, in order, with the axes of its gradient", async () => {
  const config = new GPT2Config({
    vocabSize: 9,
    contextLength: 4,
    embeddingDim: 8,
    numHeads: 2,
    numLayers: 1,
  });
  using model = new GPT2(config, { seed: 1, threads: 1 });
  const { gradients } = await model.gradients([1, 2, 3], { of: weightNames(config) });
  const [, section] = page.split("## Weights");
  const rows = [...section.split("## ")[0].matchAll(/^\| `([^`]+)`([^|]*)\|([^|]+)\|/gm)];
  const documented = rows.flatMap(([, name, more, axes]) => {
    const own = name.replace(".N.", ".0.");
    const known = [...axes.matchAll(/`([^`]+)`/g)].map(([, each]) => each);
    const bias = own.replace(/weight$/, "bias");
    const isPair = more.includes(".bias");
    return isPair ? [[own, known[0]], [bias, known[1] ?? known[0]]] : [[own, known[0]]];
  });
  assertEquals(documented, [
    ...[...gradients].map(([name, { axes }]) => [name, axes]),
    ["vocabularyProjection", "vocab embed"],
  ]);
});
