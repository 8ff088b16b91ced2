import { assertEquals, assertStringIncludes } from "@std/assert";
import { llamaCppNotices } from "../../../src/checkpoint/gguf/llama_cpp_notices.ts";
import type { GgufValue } from "../../../src/formats/gguf_value.ts";

const text = (value: string): GgufValue => ({ type: "string", value });

Deno.test("llamaCppNotices() says that llama.cpp takes another token for the end where there is none", () => {
  const metadata = new Map<string, GgufValue>([["tokenizer.ggml.model", text("gpt2")]]);
  const [notice, ...others] = llamaCppNotices(metadata);
  assertStringIncludes(notice, "llama.cpp takes token 11 for one");
  assertEquals(others, []);
  metadata.set("tokenizer.ggml.eos_token_id", { type: "u32", value: 5 });
  assertEquals(llamaCppNotices(metadata), []);
});

Deno.test("llamaCppNotices() says no more than that there is no tokenizer where there is none", () => {
  const notices = llamaCppNotices(new Map());
  assertEquals(notices.length, 1);
  assertStringIncludes(notices[0], "llama.cpp does not load it");
});
