import { assertEquals } from "@std/assert";
import { GPT2Config } from "../../src/model/config.ts";
import { suitableThreads } from "../../src/model/model.ts";
import { maxUsefulThreads } from "../../src/tensor/backend.ts";

Deno.test("suitableThreads() gives a tiny model one thread and a large one all useful ones", () => {
  assertEquals(suitableThreads(GPT2Config.tiny()), 1);
  assertEquals(suitableThreads(GPT2Config.gpt2Xl()), maxUsefulThreads());
});
