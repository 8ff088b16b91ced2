import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { FileFormatError, StorageError } from "../../../src/base/errors.ts";
import { readDescription } from "../../../src/training/data/data_description.ts";
import type { EncodedPart } from "../../../src/training/data/encode_texts.ts";
import { writeSplits } from "../../../src/training/data/write_splits.ts";
import { withFiles } from "./with_files.ts";

/** Tokens of both splits, and whether their reader was told that it can stop. */
function someParts() {
  const state = { isClosed: false };
  async function* parts(): AsyncGenerator<EncodedPart> {
    try {
      for (const [ids, isValidation] of [[[1, 2], false], [[3], false], [[4, 5], true]] as const) {
        yield await Promise.resolve({
          ids,
          isValidation,
          numTexts: 1,
          numCharacters: ids.length,
          numBytes: ids.length,
        });
      }
    } finally {
      state.isClosed = true;
    }
  }
  return { parts: parts(), state };
}

const options = { vocabSize: 300, digest: "abc", check: () => {} };

Deno.test("writeSplits() writes both splits and what they are", () =>
  withFiles({}, async (folder) => {
    let numCharacters = 0;
    const check = (number: number) => numCharacters = number;
    const { parts, state } = someParts();
    const description = await writeSplits(folder, parts, { ...options, check });
    assertEquals([...Deno.readFileSync(`${folder}/train.bin`)], [1, 0, 2, 0, 3, 0]);
    assertEquals([...Deno.readFileSync(`${folder}/val.bin`)], [4, 0, 5, 0]);
    assertEquals([description, numCharacters], [readDescription(folder), 5]);
    assertEquals(description.train, { numTokens: 3, numTexts: 2, numCharacters: 3, numBytes: 3 });
    assertEquals(state.isClosed, true);
  }));

Deno.test("writeSplits() changes nothing where what it has read is not right, and stops reading", () =>
  withFiles({ "train.bin": "old", "val.bin": "old", "data.json": "old" }, async (folder) => {
    const { parts, state } = someParts();
    const check = () => {
      throw new RangeError("wrong");
    };
    await assertRejects(
      () => writeSplits(folder, parts, { ...options, check }),
      RangeError,
      "wrong",
    );
    const texts = Array.from(
      Deno.readDirSync(folder),
      ({ name }) => Deno.readTextFileSync(`${folder}/${name}`),
    );
    assertEquals(texts, ["old", "old", "old"]);
    assertEquals(state.isClosed, true);
  }));

Deno.test("writeSplits() says in data.json that the files do not belong together while it replaces them", () =>
  withFiles({}, async (folder) => {
    // The system refuses to put a file in the place of this folder, when that of the other split is there already.
    const check = () => Deno.mkdirSync(`${folder}/train.bin`);
    const writing = () => writeSplits(folder, someParts().parts, { ...options, check });
    await assertRejects(writing, StorageError);
    Deno.removeSync(`${folder}/train.bin`);
    assertThrows(() => readDescription(folder), FileFormatError, "its preparation did not end");
  }));
