import { assertEquals, assertThrows } from "@std/assert";
import { parseAdapter } from "../../../src/cli/train/parse_adapter.ts";
import { UsageError } from "../../../src/cli/arguments/usage_error.ts";

Deno.test("--lora is read part by part, each of which may be left out", () => {
  assertEquals(parseAdapter(""), { adapter: {} });
  assertEquals(parseAdapter("rank=8, alpha=1.5,dropout=0.05,targets=qkv,output"), {
    adapter: { rank: 8, alpha: 1.5, targets: ["qkvProjection", "outputProjection"] },
    dropout: 0.05,
  });
});

const wrong: readonly [text: string, message: string][] = [
  ["rank=8,rank=4", '--lora takes rank once: received "rank=8,rank=4"'],
  ["targets=qkv,targets=mlp", "--lora takes targets once"],
  ["rank=x", 'received "rank=x". Write for example'],
  ["qkv", 'received "qkv"'],
  ["dropout=1", 'received "dropout=1"'],
  ["targets=all", 'received "targets=all"'],
];
for (const [text, message] of wrong) {
  Deno.test(`--lora ${text} is refused`, () => {
    assertThrows(() => parseAdapter(text), UsageError, message);
  });
}
