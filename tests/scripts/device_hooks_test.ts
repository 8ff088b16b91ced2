import { assert, assertEquals } from "@std/assert";
import { largestDifference, runHooks } from "../../scripts/device_hooks.ts";
import { GPT2 } from "../../src/gpt2.ts";

Deno.test("runHooks() gives the same on the same device, and something for each intervention", async () => {
  using model = await GPT2.fromPretrained("demo", { type: "f32", device: "cpu" });
  const [first, second] = [await runHooks(model), await runHooks(model)];
  const plain = first.get("captures while writing")!.values.get("token 0, logits")!;
  for (const [name, result] of first) {
    assertEquals(largestDifference(result, second.get(name)!), { difference: 0, where: "" });
    if (name.startsWith("captures")) continue;
    // Each changes what the model says.
    const changed = Array.from(result.values.get("token 0, logits")!);
    assert(changed.some((logit, i) => logit !== plain[i]), name);
  }
});

Deno.test("largestDifference() finds a number that is off, NaN, or missing", () => {
  const resultOf = (numbers: number[]) => ({ values: new Map([["x", numbers]]), tokens: [] });
  const expected = resultOf([1, -4, -Infinity]);
  const compare = (numbers: number[]) => largestDifference(expected, resultOf(numbers)).difference;
  assertEquals(compare([1, -4, -Infinity]), 0);
  assertEquals(compare([1, -3, -Infinity]), 0.25);
  assertEquals(compare([1, NaN, -Infinity]), NaN);
  assertEquals(compare([1, -4]), Infinity);
  assertEquals(largestDifference(expected, { values: new Map(), tokens: [] }).where, "x");
});
