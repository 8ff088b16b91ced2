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
    "sede": "seed",
    "tpoK": "topK",
  };
  for (const [name, known] of Object.entries(cases)) assertEquals(closestName(name, NAMES), known);
});

Deno.test("closestName() prefers what begins with the name among those that are equally close", () => {
  const types = ["q5_0", "q4_0", "q4_k_m", "q8_0"];
  assertEquals(closestName("q8", types), "q8_0");
  assertEquals(closestName("q4_k", types), "q4_k_m");
  assertEquals(closestName("q4", ["q4x", "q4_0"]), "q4x");
});

Deno.test("closestName() finds the beginning of one name, and not of two", () => {
  assertEquals(closestName("--out", ["model", "output"]), "output");
  assertEquals(closestName("repet", NAMES), "repetitionPenalty");
  assertEquals(closestName("max", ["maxTexts", "maxWaiting"]), undefined);
  assertEquals(closestName("o", ["model", "output"]), undefined);
});

Deno.test("closestName() finds nothing where nothing is similar", () => {
  for (const name of ["", "x", "verbose", "__proto__", "a".repeat(100_000)]) {
    assertEquals(closestName(name, NAMES), undefined);
  }
  assertEquals(closestName("topK", []), undefined);
});
