import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { GPT2, GPT2Config, weightNames } from "../../mod.ts";

const CONFIG = GPT2Config.tiny();

Deno.test("weightNames() lists what gradients() knows", async () => {
  const names = weightNames(CONFIG);
  assertEquals(names.length, 2 + 2 * 12 + 2);
  using model = new GPT2(CONFIG, { seed: 1, threads: 1 });
  const { gradients } = await model.gradients([1, 2, 3], { of: names });
  assertEquals([...gradients.keys()], names);
});

Deno.test("weightNames() lists the vocabulary projection where it is stored apart", () => {
  assertEquals(weightNames(CONFIG, { tied: false }).slice(-1), ["vocabularyProjection"]);
});

Deno.test("weightNames() refuses what is no configuration", () => {
  for (const wrong of [undefined, null, {}, 3]) {
    assertThrows(() => weightNames(wrong as unknown as GPT2Config), TypeError, "Cannot name");
  }
  assertThrows(() => weightNames(CONFIG, { tide: 1 } as object), TypeError, "tied");
});

Deno.test("gradients() says where names are listed", async () => {
  using model = new GPT2(CONFIG, { seed: 1, threads: 1 });
  await assertRejects(
    () => model.gradients([1, 2], { of: ["wte"] }),
    RangeError,
    "weightNames(model.config)",
  );
});
