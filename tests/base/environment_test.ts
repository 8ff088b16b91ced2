import { assertEquals } from "@std/assert";
import { environmentVariable, isTrue, offlineVariable } from "../../src/base/environment.ts";

Deno.test("isTrue() reads a variable as Hugging Face's libraries do", () => {
  for (const value of ["1", "on", "YES", "True"]) assertEquals(isTrue(value), true, value);
  for (const value of ["0", "off", "no", "false", "", "2", undefined]) {
    assertEquals(isTrue(value), false, value);
  }
});

Deno.test("offlineVariable() names the variable that forbids requests", () => {
  const given = (values: Record<string, string>) => offlineVariable((name) => values[name]);
  assertEquals(given({}), undefined);
  assertEquals(given({ HF_HUB_OFFLINE: "0", TRANSFORMERS_OFFLINE: "yes" }), "TRANSFORMERS_OFFLINE");
  assertEquals(given({ HF_HUB_OFFLINE: "1", TRANSFORMERS_OFFLINE: "1" }), "HF_HUB_OFFLINE");
});

Deno.test({
  name: "environmentVariable() gives nothing that may not be read",
  permissions: { env: ["GPT2_TEST_VARIABLE"] },
  fn: () => {
    assertEquals(environmentVariable("HOME"), undefined);
    assertEquals(environmentVariable("GPT2_TEST_VARIABLE"), undefined);
    Deno.env.set("GPT2_TEST_VARIABLE", "");
    assertEquals(environmentVariable("GPT2_TEST_VARIABLE"), undefined);
    Deno.env.set("GPT2_TEST_VARIABLE", "x");
    assertEquals(environmentVariable("GPT2_TEST_VARIABLE"), "x");
    Deno.env.delete("GPT2_TEST_VARIABLE");
  },
});
