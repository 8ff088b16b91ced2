import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { resolveModel } from "../../../src/model_store/resolve_model.ts";
import {
  ggufParts,
  hubModelName,
  isSafePath,
  parseHubModel,
} from "../../../src/model_store/hub/model_names.ts";

const NAMES: readonly (readonly [name: string, repo: string, revision?: string, file?: string])[] =
  [
    ["gpt2", "openai-community/gpt2"],
    ["gpt2-medium", "openai-community/gpt2-medium"],
    ["gpt2-large", "openai-community/gpt2-large"],
    ["gpt2-xl", "openai-community/gpt2-xl"],
    ["distilgpt2", "distilbert/distilgpt2"],
    ["owner/name", "owner/name"],
    ["Owner_1/name.v2-x", "Owner_1/name.v2-x"],
    ["gpt2@v1.0", "openai-community/gpt2", "v1.0"],
    ["owner/name@refs/pr/1", "owner/name", "refs/pr/1"],
    ["owner/name:model-q8_0.gguf", "owner/name", "main", "model-q8_0.gguf"],
    ["owner/name@abc:sub/model.gguf", "owner/name", "abc", "sub/model.gguf"],
  ];

for (const [name, repo, revision = "main", file] of NAMES) {
  Deno.test(`parseHubModel() knows ${name}`, () => {
    const model = parseHubModel(name)!;
    assertEquals(model, file === undefined ? { repo, revision } : { repo, revision, file });
    assertEquals(parseHubModel(hubModelName(model)), model);
  });
}

const PATHS = [
  "",
  "demo",
  "gpt",
  "a/b/c",
  "../x",
  "./x",
  "/no-such-file",
  "C:x",
  "C:\\x",
  "a/..",
  "../..",
  ".a/b",
  "a/.b",
  "a--b/c",
  "a/b.git",
  "a b/c",
  "a/b\0",
  "ä/b",
  "a/b\n",
  "-a/b",
  "a/b-",
  `a/${"b".repeat(97)}`,
];

for (const name of PATHS) {
  Deno.test(`parseHubModel() takes ${JSON.stringify(name.slice(0, 20))} for no model of the hub`, async () => {
    assertEquals(parseHubModel(name), undefined);
    // Nor does anything else come of it, unless it is there. (The folder above is.)
    if (name === "demo" || name === "../..") return;
    if (name === "a/.." && Deno.build.os === "windows") return; // There that is this folder, be there an `a` or not.
    await inEmptyFolder(() => assertRejects(() => resolveModel(name), Deno.errors.NotFound));
  });
}

/** Runs something where no relative path leads to anything. */
async function inEmptyFolder(run: () => Promise<unknown>): Promise<void> {
  const before = Deno.cwd();
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(`${folder}/empty`);
  Deno.chdir(`${folder}/empty`);
  try {
    await run();
  } finally {
    Deno.chdir(before);
    await Deno.remove(folder, { recursive: true });
  }
}

const HOSTILE = [
  "gpt2@../x",
  "gpt2@",
  "gpt2@/x",
  "gpt2@a\\b",
  "gpt2@x.lock",
  "gpt2@a\0",
  "gpt2@.git",
  "gpt2:../x.gguf",
  "gpt2:/x.gguf",
  "gpt2:C:x.gguf",
  "gpt2:a\0.gguf",
  "gpt2:a\\b.gguf",
  "gpt2:a/../b.gguf",
  "gpt2:model.safetensors",
  "gpt2:",
  "gpt2:.gguf",
  "gpt2:a//b.gguf",
];

for (const name of HOSTILE) {
  Deno.test(`parseHubModel() refuses ${JSON.stringify(name)}`, () => {
    assertThrows(() => parseHubModel(name), RangeError, "Cannot use the model");
  });
}

Deno.test("isSafePath() takes what stays in its folder on every system", () => {
  for (const path of ["a", "a/b", "a_b-c.d", "a b.gguf", "a+b"]) {
    assertEquals(isSafePath(path), true, path);
  }
  for (
    const path of [
      "",
      ".",
      "..",
      "a/",
      "/a",
      "a/../b",
      "a\\b",
      "C:",
      "a:b",
      "a.",
      "a ",
      "*",
      "a\0",
      "a\n",
      "x".repeat(300),
    ]
  ) {
    assertEquals(isSafePath(path), false, path);
  }
});

Deno.test("ggufParts() gives the parts of a file that is one of several", () => {
  assertEquals(
    ggufParts("a/x-00002-of-00003.gguf"),
    [1, 2, 3].map((i) => `a/x-0000${i}-of-00003.gguf`),
  );
  for (
    const file of [
      "x.gguf",
      "x-00000-of-00003.gguf",
      "x-00004-of-00003.gguf",
      "x-1-of-3.gguf",
      "x-00001-of-99999.gguf",
      "x-00001-of-00003.bin",
    ]
  ) assertEquals(ggufParts(file), [file]);
});
