import { assertEquals, assertRejects } from "@std/assert";
import { fileURLToPath } from "node:url";
import { StorageError } from "../../../src/base/errors.ts";
import { ItemOutput, type OutputHeader } from "../../../src/cli/evaluate/item_output.ts";
import type { ItemResult } from "../../../src/evaluation/tasks/item_result.ts";
import { parseItems } from "../../../src/evaluation/tasks/parse_items.ts";
import { TemporaryFolder } from "../../checkpoint/folders.ts";

const PATH = fileURLToPath(
  new URL("../../fixtures/evaluation/tasks/multiple-choice.jsonl", import.meta.url),
);
const items = parseItems("multiple-choice", { path: PATH, text: Deno.readTextFileSync(PATH) });
const HEADER: OutputHeader = {
  task: "multiple-choice",
  model: "demo",
  type: "q8_0",
  questions: "0123",
};
const FIRST_LINE = JSON.stringify(HEADER) + "\n";

const results = items.map(({ line, answer, contexts, continuations }): ItemResult => {
  const numScores = contexts.length * continuations.length;
  return {
    line,
    answer,
    contexts,
    continuations,
    logProbabilities: Array(numScores).fill(-1),
    areGreedy: Array(numScores).fill(false),
    isCorrect: { acc: true, acc_norm: true, acc_bytes: true },
  };
});
const lines = results.map((result) => JSON.stringify(result) + "\n");

/** Runs something while the disk takes only so many bytes more, and of a line that does not fit a part. */
async function withRoom(numBytes: number, code: string, action: () => Promise<void>) {
  const { write } = Deno.FsFile.prototype;
  Deno.FsFile.prototype.write = async function (bytes: Uint8Array) {
    if (numBytes === 0) throw Object.assign(new Error("full"), { code });
    const count = await write.call(this, bytes.subarray(0, numBytes));
    numBytes -= count;
    return count;
  };
  try {
    await action();
  } finally {
    Deno.FsFile.prototype.write = write;
  }
}

async function writeResults(path: string, overwrite: boolean): Promise<void> {
  using output = await ItemOutput.open(path, HEADER, items, { overwrite });
  for (const result of results.slice(output.results.length, 3)) await output.add(result);
}

Deno.test("ItemOutput leaves no line that is not whole, nor a file without one, wherever the disk gets full", async () => {
  using folder = new TemporaryFolder();
  const whole = FIRST_LINE + lines.slice(0, 3).join("");
  for (let room = 0; room < whole.length; room += 29) {
    const path = folder.file(`${room}.jsonl`);
    await withRoom(room, "ENOSPC", async () => {
      await assertRejects(() => writeResults(path, false), StorageError, "no space left");
    });
    const fitting = whole.slice(0, whole.lastIndexOf("\n", room - 1) + 1);
    const written = room < FIRST_LINE.length ? "" : fitting;
    assertEquals([...Deno.readDirSync(folder.path)].length, written === "" ? 0 : 1, `${room}`);
    if (written !== "") assertEquals(Deno.readTextFileSync(path), written);
    // Where there is room again, the same command goes on.
    await writeResults(path, false);
    assertEquals(Deno.readTextFileSync(path), whole);
    Deno.removeSync(path);
  }
});

Deno.test("ItemOutput keeps what was there if it cannot begin anew", async () => {
  using folder = new TemporaryFolder();
  for (const old of ["", "{}\n", FIRST_LINE + lines.join("")]) {
    const path = folder.file("old.jsonl");
    Deno.writeTextFileSync(path, old);
    await withRoom(0, "EFBIG", async () => {
      await assertRejects(() => writeResults(path, true), StorageError, "received EFBIG");
    });
    assertEquals(Deno.readTextFileSync(path), old);
    await writeResults(path, true);
    assertEquals(Deno.readTextFileSync(path), FIRST_LINE + lines.slice(0, 3).join(""));
  }
});

Deno.test({
  name: "ItemOutput leaves nothing behind a link to a file that could not be begun",
  ignore: Deno.build.os === "windows",
  async fn() {
    using folder = new TemporaryFolder();
    const path = folder.file("link.jsonl");
    Deno.symlinkSync(folder.file("target.jsonl"), path);
    await withRoom(5, "ENOSPC", async () => {
      await assertRejects(() => writeResults(path, true), StorageError, "received ENOSPC");
    });
    assertEquals([...Deno.readDirSync(folder.path)].map(({ name }) => name), ["link.jsonl"]);
  },
});
