import { assert, assertEquals, assertGreater, assertNotEquals, assertThrows } from "@std/assert";
import { openSafetensorsFolder } from "../../src/formats/safetensors_folder.ts";
import { assertFormatError } from "./error_cases.ts";
import { fuzz, type FuzzTarget, GGUF_TARGET, SAFETENSORS_TARGET } from "./fuzz.ts";
import { inFolder } from "./in_folder.ts";
import { mutateGguf, mutateJson, Random } from "./mutate.ts";

const NUM_MUTANTS = 20_000;
const NUM_INDEX_MUTANTS = 1_000;
const SEED = 20261122;

/** Mutants that are all refused for the same reason would test nothing. */
const MIN_ACCEPTED = NUM_MUTANTS / 50;
const MIN_REASONS = 20;

Deno.test("readGgufHeader() accepts or refuses 20,000 damaged files", () => {
  const { numAccepted, numRefused, numReasons } = fuzz(GGUF_TARGET, NUM_MUTANTS, SEED);
  assertEquals(numAccepted + numRefused, NUM_MUTANTS);
  assertGreater(numAccepted, MIN_ACCEPTED);
  assertGreater(numRefused, NUM_MUTANTS / 2);
  assertGreater(numReasons, MIN_REASONS);
});

Deno.test("readSafetensorsHeader() accepts or refuses 20,000 damaged files", () => {
  const { numAccepted, numRefused, numReasons } = fuzz(
    SAFETENSORS_TARGET,
    NUM_MUTANTS,
    SEED,
  );
  assertEquals(numAccepted + numRefused, NUM_MUTANTS);
  assertGreater(numAccepted, MIN_ACCEPTED);
  assertGreater(numRefused, NUM_MUTANTS / 2);
  assertGreater(numReasons, MIN_REASONS);
});

Deno.test(
  "openSafetensorsFolder() accepts or refuses 1,000 damaged indexes",
  inFolder((folder) => {
    const original = new URL("../fixtures/formats/sharded/", import.meta.url);
    for (const { name } of Deno.readDirSync(original)) {
      Deno.copyFileSync(new URL(name, original), `${folder}/${name}`);
    }
    const path = `${folder}/model.safetensors.index.json`;
    const index = Deno.readTextFileSync(path);
    for (let i = 0; i < NUM_INDEX_MUTANTS; i++) {
      Deno.writeTextFileSync(path, mutateJson(index, new Random(SEED + i)));
      try {
        using opened = openSafetensorsFolder(folder);
        for (const name of opened.tensors.keys()) opened.read(name);
      } catch (error) {
        // A plain name of a file that is not there.
        if (!(error instanceof Deno.errors.NotFound)) assertFormatError(error);
      }
    }
  }),
);

Deno.test("fuzz() notices readers that throw other errors, read too much, or accept wrong spans", () => {
  const failing: FuzzTarget["read"][] = [
    () => {
      throw new RangeError("Invalid typed array length");
    },
    (source) => {
      for (let i = 0; i < 100; i++) source.read(0, source.size);
      return [];
    },
    (source) => [{ offset: source.size - 1, byteLength: 2 }],
    () => [{ offset: 0, byteLength: 2 }, { offset: 1, byteLength: 1 }],
  ];
  for (const read of failing) {
    const error = assertThrows(
      () => fuzz({ ...GGUF_TARGET, read }, 10, SEED),
      Error,
      `received seed ${SEED}`,
    );
    assert(error.cause instanceof Error);
  }
});

Deno.test("mutateGguf() gives the same mutant for the same seed, and others for others", () => {
  const [specimen] = GGUF_TARGET.specimens;
  assertEquals(mutateGguf(specimen, new Random(1)), mutateGguf(specimen, new Random(1)));
  assertNotEquals(mutateGguf(specimen, new Random(1)), mutateGguf(specimen, new Random(2)));
});
