import { assertEquals, assertStrictEquals } from "@std/assert";
import { GPT2Config } from "../../src/model/config.ts";
import { Distribution } from "../../src/model/distribution.ts";
import { parameterSpecs } from "../../src/model/parameters.ts";
import type { Place } from "../../src/tensor/place.ts";

const config = GPT2Config.gpt2Small();
const host = { name: "host" } as Place;

function distributionOver(shares: number[]): { places: Place[]; distribution: Distribution } {
  const places = shares.map((share) => ({ share }) as Place);
  return { places, distribution: new Distribution({ host, places }, config) };
}

/** The numbers of the places that get the blocks. */
function blocksOver(shares: number[]): number[] {
  const { places, distribution } = distributionOver(shares);
  return distribution.blocks.map((place) => places.indexOf(place));
}

Deno.test("Distribution shares blocks by memory, and counts the projection as what it weighs", () => {
  assertEquals(blocksOver([1]), new Array(12).fill(0));
  // The projection is as large as 5.5 blocks: of 17.5 in all, each half has 8.7.
  assertEquals(blocksOver([0.5, 0.5]), [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1]);
  assertEquals(blocksOver([0.25, 0.25, 0.5]), [0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2]);
  assertEquals(blocksOver([0, 1]), new Array(12).fill(1));
  assertEquals(blocksOver([1, 0]), new Array(12).fill(0));
  // Shares that rounding made too small must not leave the last blocks without a place.
  assertEquals(blocksOver([0.3, 0.3]).slice(-1), [1]);
});

Deno.test("Distribution keeps embeddings on the host, each block together, the rest at the end", () => {
  const { places, distribution } = distributionOver([0.5, 0.5]);
  for (const spec of parameterSpecs(config, { tied: false })) {
    const rest = spec.kind === "embedding" ? host : places[1];
    const expected = spec.layer === undefined ? rest : distribution.blocks[spec.layer];
    assertStrictEquals(distribution.placeOf(spec), expected, spec.name);
  }
});
