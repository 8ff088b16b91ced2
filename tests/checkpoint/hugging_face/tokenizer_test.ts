/** The files that people have beside a vocabulary: each has its say, in a folder, in a GGUF file, and written back. */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { FileFormatError } from "../../../src/base/errors.ts";
import { openLibrary } from "../../../src/native_library/native_library.ts";
import { convertCheckpoint } from "../../../src/checkpoint/convert.ts";
import { saveSafetensors } from "../../../src/checkpoint/hugging_face/save_safetensors.ts";
import { readHuggingFaceTokenizer } from "../../../src/checkpoint/hugging_face/tokenizer.ts";
import { loadCheckpoint } from "../../../src/checkpoint/load.ts";
import { openCheckpoint } from "../../../src/checkpoint/open_checkpoint.ts";
import { GPT2Config } from "../../../src/model/config.ts";
import type { Tokenizer } from "../../../src/tokenizer/tokenizer.ts";
import { readGguf } from "../gguf_files.ts";
import { type Changes, copyFolder, plainFolder, TemporaryFolder } from "../folders.ts";

await openLibrary();

/** As many rows as a model needs for the tokens that are added to the 288 of the plain one. */
const NUM_ROWS = 294;

const slow = {
  "vocab.json": Deno.readTextFileSync(`${plainFolder}/vocab.json`),
  "merges.txt": Deno.readTextFileSync(`${plainFolder}/merges.txt`),
};

function withRows(files: Record<string, unknown>, remove: string[] = []): Changes {
  return {
    remove,
    config: { vocab_size: NUM_ROWS },
    files: Object.fromEntries(
      Object.entries(files).map((
        [name, value],
      ) => [name, typeof value === "string" ? value : JSON.stringify(value)]),
    ),
    tensors: (tensors) => {
      const bytes = new Uint8Array(NUM_ROWS * 32 * 4);
      bytes.set(tensors.get("transformer.wte.weight")!.bytes);
      tensors.set("transformer.wte.weight", { shape: [NUM_ROWS, 32], dtype: "F32", bytes });
    },
  };
}

/** The tokenizer of a folder, of the GGUF file made from it, and of the folder made from that. */
async function everywhere(changes: Changes, test: (tokenizer: Tokenizer, where: string) => void) {
  using folder = new TemporaryFolder();
  const path = await copyFolder(folder, changes);
  const gguf = folder.file("model.gguf");
  await convertCheckpoint(path, gguf, { type: "f32" });
  const { model, tokenizer } = await loadCheckpoint(gguf, { threads: 1 });
  using _model = model;
  const saved = folder.file("saved");
  await saveSafetensors(model, tokenizer, saved);
  for (const source of [path, gguf, saved]) {
    using checkpoint = await openCheckpoint(source);
    test((await checkpoint.readTokenizer())!, source);
  }
}

const addedFiles = {
  "added_tokens.json": { "<|sep|>": 288, "<|pad|>": 289, newword: 290 },
  "special_tokens_map.json": { pad_token: "<|pad|>", additional_special_tokens: ["<|sep|>"] },
};

for (
  const [kind, files, remove] of [
    ["vocab.json", slow, ["tokenizer.json"]],
    ["tokenizer.json", {}, []],
  ] as const
) {
  Deno.test(`added_tokens.json and special_tokens_map.json count beside ${kind}`, async () => {
    await everywhere(withRows({ ...files, ...addedFiles }, [...remove]), (tokenizer, where) => {
      assertEquals([...tokenizer.userDefinedTokens], [["newword", 290]], where);
      assertEquals(tokenizer.encode("newword"), [290]);
      assertEquals(tokenizer.encode("<|sep|>", { allowSpecial: ["<|sep|>"] }), [288]);
      assertEquals(tokenizer.encode("<|sep|>").includes(288), false);
      assertEquals(tokenizer.specialTokens.get("<|pad|>"), 289);
      // The rest of the rows has no text.
      assertEquals(tokenizer.vocabSize, NUM_ROWS);
      assertEquals(tokenizer.decode([290, 291, 293, 288]), "newword<|sep|>");
    });
  });

  Deno.test(`tokenizer_config.json adds tokens, with their flags, beside ${kind}`, async () => {
    const added_tokens_decoder = {
      "289": { content: "word", single_word: true },
      "288": { content: "<|sep|>", lstrip: true, rstrip: true, special: true },
    };
    const config = { "tokenizer_config.json": { added_tokens_decoder, pad_token: "<|new|>" } };
    await everywhere(withRows({ ...files, ...config }, [...remove]), (tokenizer, where) => {
      const [a, b] = [tokenizer.encode("a"), tokenizer.encode("b")];
      const allowSpecial = "all";
      assertEquals(tokenizer.encode("a <|sep|>  b", { allowSpecial }), [...a, 288, ...b], where);
      assertEquals(tokenizer.encode("word"), [289], where);
      assertEquals(tokenizer.encode("words").includes(289), false, where);
      // A role for a token that is nowhere else adds it.
      assertEquals(tokenizer.encode("<|new|>", { allowSpecial: ["<|new|>"] }), [290], where);
    });
  });
}

Deno.test("a model that was trained with a token before every text gets it before every prompt", async () => {
  const template = (single: unknown) => ({
    ...JSON.parse(Deno.readTextFileSync(`${plainFolder}/tokenizer.json`)),
    post_processor: { type: "TemplateProcessing", single, pair: [], special_tokens: {} },
  });
  const begin = [{ SpecialToken: { id: "<|endoftext|>", type_id: 0 } }, {
    Sequence: { id: "A", type_id: 0 },
  }];
  const config = { add_bos_token: true, bos_token: "<|endoftext|>" };
  const cases: Changes[] = [
    withRows({ ...slow, "tokenizer_config.json": config }, ["tokenizer.json"]),
    withRows({ "tokenizer.json": template(begin) }),
  ];
  for (const changes of cases) {
    await everywhere(changes, (tokenizer, where) => {
      assertEquals(tokenizer.beginOfTextId, 287, where);
      assertEquals(tokenizer.encodePrompt("a"), [287, ...tokenizer.encode("a")], where);
      assertEquals(tokenizer.encodePrompt(""), [287], where);
    });
  }
  // Beside tokenizer.json, transformers takes no notice of it.
  await everywhere(withRows({ "tokenizer_config.json": config }), (tokenizer, where) => {
    assertEquals(tokenizer.encodePrompt("a"), tokenizer.encode("a"), where);
    assertEquals(tokenizer.encodePrompt(""), [287], where);
  });
});

Deno.test("a space is put before a text where the files ask for it", async () => {
  const cases: Changes[] = [
    withRows({ ...slow, "tokenizer_config.json": { add_prefix_space: true } }, ["tokenizer.json"]),
    withRows({ "tokenizer_config.json": { add_prefix_space: true } }),
  ];
  using plain = await openCheckpoint(plainFolder);
  const reference = (await plain.readTokenizer())!;
  for (const changes of cases) {
    await everywhere(changes, (tokenizer, where) => {
      for (const text of ["a b", " a b", "", "\na"]) {
        const expected = text === "" || text[0] === " " ? text : ` ${text}`;
        assertEquals(tokenizer.encode(text), reference.encode(expected), where);
      }
    });
  }
});

/** What transformers 5.24 does, by the class, `tokenizer_config.json` and `tokenizer.json`; no class where there is no file. */
const prefixSpaces: [
  name: string | undefined | null,
  inConfig: boolean | undefined,
  inJson: boolean,
  expected: boolean,
][] = [
  [null, undefined, true, false],
  [undefined, undefined, true, false],
  [undefined, true, false, true],
  ["GPT2Tokenizer", undefined, true, false],
  ["GPT2Tokenizer", false, true, false],
  ["GPT2TokenizerFast", true, false, true],
  ["GPT2TokenizerFast", undefined, true, false],
  ["PreTrainedTokenizerFast", undefined, true, true],
  ["PreTrainedTokenizerFast", false, true, true],
  ["PreTrainedTokenizerFast", true, false, false],
  ["TokenizersBackend", true, false, false],
];

for (const [tokenizer_class, add_prefix_space, inJson, expected] of prefixSpaces) {
  const files = `${tokenizer_class}, ${add_prefix_space} and ${inJson}`;
  Deno.test(`add_prefix_space is ${expected} for ${files} in the files`, async () => {
    const root = JSON.parse(Deno.readTextFileSync(`${plainFolder}/tokenizer.json`));
    root.pre_tokenizer.add_prefix_space = inJson;
    const changes = withRows({
      "tokenizer.json": root,
      ...(tokenizer_class !== null &&
        { "tokenizer_config.json": { tokenizer_class, add_prefix_space } }),
    });
    await everywhere(changes, (tokenizer, where) => {
      assertEquals(tokenizer.addPrefixSpace, expected, where);
    });
  });
}

Deno.test("a token for bytes without one stands for them in every file", async () => {
  const root = JSON.parse(Deno.readTextFileSync(`${plainFolder}/tokenizer.json`));
  const { z, ...vocab } = root.model.vocab;
  root.model.vocab = { ...vocab, "<z>": z };
  root.model.merges = root.model.merges.filter((merge: string | string[]) =>
    !(typeof merge === "string" ? merge : merge.join(" ")).includes("z")
  );
  root.model.unk_token = "!";
  const config = { tokenizer_class: "PreTrainedTokenizerFast" };
  for (const files of [{}, { "tokenizer_config.json": config }]) {
    await everywhere(withRows({ "tokenizer.json": root, ...files }), (tokenizer, where) => {
      const id = vocab["!"];
      assertEquals(tokenizer.unknownId, id, where);
      assertEquals(tokenizer.encode("azz"), [vocab["a"], id, id], where);
    });
  }
});

Deno.test("a vocab.json without <|endoftext|> gets it", async () => {
  const { "<|endoftext|>": id, ...vocab } = JSON.parse(slow["vocab.json"]);
  assertEquals(id, 287);
  const changes = withRows({ ...slow, "vocab.json": vocab }, ["tokenizer.json"]);
  await everywhere(changes, (tokenizer, where) => {
    assertEquals(tokenizer.specialTokens.get("<|endoftext|>"), 287, where);
  });
});

Deno.test("an id that no token has is one without a text, and stays so", async () => {
  const { ...vocab } = JSON.parse(slow["vocab.json"]);
  const [hole] = Object.entries(vocab).find(([, id]) => id === 286)!;
  delete vocab[hole];
  const merges = slow["merges.txt"].split("\n").filter((line) => line.replace(" ", "") !== hole);
  const changes = withRows(
    { "vocab.json": vocab, "merges.txt": merges.join("\n") },
    ["tokenizer.json"],
  );
  await everywhere(changes, (tokenizer, where) => {
    assertEquals(tokenizer.decode([5, 286, 6]), tokenizer.decode([5, 6]), where);
    assertEquals(JSON.parse(tokenizer.toVocabJson()), { ...vocab }, where);
    assertEquals(tokenizer.tokenTypes[286], 5, where);
  });
});

Deno.test("a GGUF file has a label for every id, as llama.cpp wants it, but it is no text", async () => {
  using folder = new TemporaryFolder();
  const path = await copyFolder(folder, withRows({}));
  const gguf = folder.file("model.gguf");
  await convertCheckpoint(path, gguf);
  const tokens = readGguf(gguf).metadata.get("tokenizer.ggml.tokens")!.value as string[];
  assertEquals(tokens.slice(288), [288, 289, 290, 291, 292, 293].map((id) => `[PAD${id}]`));
  using checkpoint = await openCheckpoint(gguf);
  const tokenizer = (await checkpoint.readTokenizer())!;
  assertEquals(tokenizer.decode([290]), "");
  assertEquals(JSON.parse(tokenizer.toVocabJson())["[PAD290]"], undefined);
});

Deno.test("a token without a row in the model is text like any other", async () => {
  using folder = new TemporaryFolder();
  const path = await copyFolder(folder, { files: { "added_tokens.json": '{"<|pad|>": 288}' } });
  using checkpoint = await openCheckpoint(path);
  const tokenizer = (await checkpoint.readTokenizer())!;
  assertEquals(tokenizer.vocabSize, 288);
  assertEquals(tokenizer.decode(tokenizer.encode("<|pad|>")), "<|pad|>");
});

const refused: [what: string, files: Record<string, unknown>, message: string][] = [
  ["another id", { "added_tokens.json": { "<|x|>": 290 } }, "another id than the 288"],
  ["the id of another", { "added_tokens.json": { "<|x|>": 5 } }, "another id than the 288"],
  ["no object", { "added_tokens.json": ["x"] }, "added_tokens.json is not a JSON object"],
  [
    "a damaged file",
    { "special_tokens_map.json": "{" },
    "special_tokens_map.json is not valid JSON",
  ],
  ["a role that is a number", { "tokenizer_config.json": { pad_token: 5 } }, "has no content"],
  ["an end after every text", {
    ...slow,
    "tokenizer_config.json": { add_eos_token: true },
  }, "add_eos_token"],
  ["a decoder that is none", { "tokenizer_config.json": { added_tokens_decoder: [] } }, "no"],
];

for (const [what, files, message] of refused) {
  Deno.test(`readHuggingFaceTokenizer() refuses ${what}`, async () => {
    using folder = new TemporaryFolder();
    const remove = "vocab.json" in files ? ["tokenizer.json"] : [];
    const path = await copyFolder(folder, withRows(files, remove));
    const config = new GPT2Config({ ...GPT2Config.tiny(), vocabSize: NUM_ROWS });
    const error = assertThrows(() => readHuggingFaceTokenizer(path, config), FileFormatError);
    assertStringIncludes(error.message, message);
  });
}
