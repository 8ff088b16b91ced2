import { assert, assertEquals, assertRejects } from "@std/assert";
import { Engine } from "../../src/engine/engine.ts";
import { FOREIGN_NAMES, namesHere } from "../../src/engine/foreign_names.ts";
import { forward } from "../../src/engine/forward.ts";
import { activationNames } from "../../src/model/activation_sites.ts";
import { smallConfig, smallModel } from "../inspection/small_model.ts";

Deno.test("namesHere() knows the names of TransformerLens and transformers", () => {
  const expected: [theirs: string, ours: string[]][] = [
    ["blocks.0.hook_resid_post", ["blocks.0.residual"]],
    ["blocks.0.hook_resid_pre", ["embedding"]],
    ["blocks.7.hook_resid_pre", ["blocks.6.residual"]],
    ["blocks.*.attn.hook_pattern", ["blocks.*.attention.weights"]],
    ["transformer.h.0", ["blocks.0.residual"]],
    ["h.11.mlp", ["blocks.11.mlp.output"]],
    ["hidden_states[0]", ["embedding"]],
    ["hidden_states[12]", ["blocks.11.residual"]],
    ["lm_head", ["logits"]],
    ["z", ["blocks.*.attention.attended"]],
    ["resid_post", ["blocks.*.residual"]],
    ["blocks.0.hook_resid_poste", []],
    ["blocksx0.hook_resid_post", []],
    ["", []],
  ];
  for (const [theirs, ours] of expected) assertEquals(namesHere(theirs), ours, theirs);
});

Deno.test("each of these names is one of an activation that there is, and in the documentation", async () => {
  const docs = await Deno.readTextFile(new URL("../../docs/activations.md", import.meta.url));
  const names = activationNames(smallConfig);
  for (const [theirs] of FOREIGN_NAMES) {
    const found = namesHere(theirs.replace("N", "1"));
    const ofBlock = found.map((name) => name.replace("*", "1"));
    assert(found.length > 0 && ofBlock.every((name) => names.includes(name)), theirs);
  }
  // And the other way round: whatever the table of others' names says of a block is known, in this row.
  const [, table] = docs.split("## Elsewhere");
  for (const [, ours, cell] of table.matchAll(/^\| `(blocks\.N\.[^`]+)` +\|([^\n]+)\|$/gm)) {
    for (const [, theirs] of cell.matchAll(/`((?:blocks|transformer)\.[^`]+)`/g)) {
      const isInput = cell.includes(`input of \`${theirs}\``);
      if (!isInput) {
        assert(namesHere(theirs.replace("N", "1")).includes(ours.replace("N", "1")), theirs);
      }
    }
  }
});

Deno.test("who asks for an activation by another's name is told ours", async () => {
  using model = smallModel();
  using engine = new Engine(model);
  const ask = (name: string) => forward(engine, [1], { capture: [name] });
  const message = 'Here that is called "blocks.1.residual".';
  await assertRejects(() => ask("blocks.1.hook_resid_post"), RangeError, message);
  // Of a block that the model does not have, there is nothing.
  await assertRejects(
    () => ask("blocks.2.hook_resid_post"),
    RangeError,
    "there is no such activation",
  );
  await assertRejects(
    () => ask("transformer.h.0.attn.c_attn"),
    RangeError,
    '"blocks.0.attention.query", "blocks.0.attention.key", "blocks.0.attention.value"',
  );
});
