import { assertEquals } from "@std/assert";
import { baseModelOf } from "../../../src/cli/train/open_training.ts";

const models: readonly [init: string, name: string | undefined, revision: string | undefined][] = [
  ["gpt2", "openai-community/gpt2", "main"],
  ["owner/name", "owner/name", "main"],
  ["owner/name@v1.0", "owner/name", "v1.0"],
  ["owner/name:model.gguf", undefined, undefined],
  ["demo", undefined, undefined],
];
for (const [init, baseModel, baseRevision] of models) {
  Deno.test(`an adapter of --init ${init} says where PEFT finds its model`, () => {
    const found = baseModelOf(init);
    assertEquals([found.baseModel, found.baseRevision], [baseModel, baseRevision]);
  });
}
