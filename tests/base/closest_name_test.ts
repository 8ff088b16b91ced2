import { assertEquals } from "@std/assert";
import { closestName } from "../../src/base/closest_name.ts";

const NAMES = ["temperature", "topK", "topP", "minP", "seed", "repetitionPenalty"];

Deno.test("closestName() finds what was meant", () => {
  const cases = {
    "top_k": "topK",
    "--top-p": "topP",
    "TOPK": "topK",
    "temprature": "temperature",
    "temperatur": "temperature",
    "repetition_penalt": "repetitionPenalty",
    "sed": "seed",
    "mimP": "minP",
  };
  for (const [name, known] of Object.entries(cases)) assertEquals(closestName(name, NAMES), known);
});

Deno.test("closestName() finds nothing where nothing is similar", () => {
  for (const name of ["", "x", "verbose", "__proto__", "a".repeat(100_000)]) {
    assertEquals(closestName(name, NAMES), undefined);
  }
  assertEquals(closestName("topK", []), undefined);
});
