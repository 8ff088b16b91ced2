import { assert, assertEquals, assertRejects } from "@std/assert";
import { exists } from "../../src/base/files.ts";
import { RunFolder } from "../../src/training/run_folder.ts";
import { withFiles } from "./data/with_files.ts";

const FORMER = {
  "log.jsonl": "former log",
  "state.safetensors": "former state",
  "best/config.json": "former best",
  "plan.json": "former plan",
  "data/train.bin": "former data",
};
/** The order in which a run is put aside. */
const NAMES = ["log.jsonl", "state.safetensors", "best", "plan.json", "data"];

function withRun(run: (path: string) => Promise<void>, files: Record<string, string> = FORMER) {
  const inFolder = Object.entries({ ...files, "own.txt": "own" })
    .map(([name, text]) => [`run/${name}`, text]);
  return withFiles(Object.fromEntries(inFolder), (folder) => run(`${folder}/run`));
}

/** What there is of the former run, and that there is nothing else but the user's own file. */
function assertFormer(path: string): void {
  for (const [name, text] of Object.entries(FORMER)) {
    assertEquals(Deno.readTextFileSync(`${path}/${name}`), text);
  }
  const names = Array.from(Deno.readDirSync(path), ({ name }) => name);
  assertEquals(names.sort(), [...NAMES, "own.txt"].sort());
}

async function writeNew(path: string): Promise<void> {
  await Deno.mkdir(`${path}/data`);
  await Deno.writeTextFile(`${path}/data/train.bin`, "new data");
  await Deno.writeTextFile(`${path}/plan.json`, "new plan");
}

Deno.test("RunFolder leaves a folder as it was where no run has begun", () =>
  withRun(async (path) => {
    {
      await using folder = await RunFolder.open(path, { overwrite: true });
      assert(!folder.hasState);
      await writeNew(path);
    }
    assertFormer(path);
    const made = `${path}/a/b`;
    {
      await using folder = await RunFolder.open(made);
      await writeNew(folder.path);
    }
    assert(!exists(`${path}/a`));
  }));

Deno.test("RunFolder keeps what it found of a run that has not begun", () =>
  withRun(async (path) => {
    {
      await using folder = await RunFolder.open(path);
      await Deno.writeTextFile(`${folder.path}/plan.json`, "new plan");
    }
    assertEquals(Deno.readTextFileSync(`${path}/data/train.bin`), "former data");
    assert(!exists(`${path}/plan.json`));
  }, { "data/train.bin": FORMER["data/train.bin"] }));

Deno.test("RunFolder replaces a run when another one begins, which stays", () =>
  withRun(async (path) => {
    {
      await using folder = await RunFolder.open(path, { overwrite: true });
      await writeNew(path);
      await folder.begin();
      assertEquals(
        Array.from(Deno.readDirSync(path), ({ name }) => name).sort(),
        ["data", "own.txt", "plan.json", "run.lock"],
      );
    }
    assertEquals(Deno.readTextFileSync(`${path}/data/train.bin`), "new data");
    assertEquals(Deno.readTextFileSync(`${path}/plan.json`), "new plan");
  }));

for (let numMoved = 0; numMoved <= NAMES.length; numMoved++) {
  Deno.test(`RunFolder brings back a run of which ${numMoved} files were put aside when the process was killed`, () =>
    withRun(async (path) => {
      Deno.mkdirSync(`${path}/replaced`);
      for (const name of NAMES.slice(0, numMoved)) {
        Deno.renameSync(`${path}/${name}`, `${path}/replaced/${name}`);
      }
      if (numMoved === NAMES.length) await writeNew(path);
      await assertRejects(() => RunFolder.open(path), Deno.errors.AlreadyExists, "--overwrite");
      assertFormer(path);
    }));
}

Deno.test("RunFolder removes a run that was replaced when the process was killed", () =>
  withRun(async (path) => {
    Deno.mkdirSync(`${path}/replaced`);
    Deno.writeTextFileSync(`${path}/replaced/log.jsonl`, "older log");
    {
      await using folder = await RunFolder.open(path, { resume: true });
      assert(folder.hasState);
    }
    assertFormer(path);
  }));
