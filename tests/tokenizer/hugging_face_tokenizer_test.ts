import { assert, assertEquals, assertThrows } from "@std/assert";
import { FileFormatError } from "../../src/base/errors.ts";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { smallMerges, smallTokens } from "./small_vocabulary.ts";

const vocab: Record<string, unknown> = Object.fromEntries(
  smallTokens.map((token, id) => [token, id]),
);
const vocabJson = JSON.stringify(vocab);
const mergesText = "#version: 0.2\nh e\nl l\nĠ he\n";

const endOfText = {
  id: 259,
  content: "<|endoftext|>",
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: true,
  special: true,
};

/** Parts of a post-processor's template: the text, and a token to go with it. */
const sequence = { Sequence: { id: "A", type_id: 0 } };
const special = { SpecialToken: { id: "<|endoftext|>", type_id: 0 } };

/** What `tokenizer.json` of GPT-2 looks like, with parts of it replaced. */
function tokenizerJson(change: object = {}, model: object = {}): string {
  return JSON.stringify({
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [endOfText],
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true },
    post_processor: { type: "ByteLevel", add_prefix_space: true, trim_offsets: false },
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true },
    model: {
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: "",
      end_of_word_suffix: "",
      fuse_unk: false,
      vocab,
      merges: smallMerges,
      ...model,
    },
    ...change,
  });
}

/** The same tokens and merges as the small vocabulary, and the same special token. */
function assertIsSmall(tokenizer: Tokenizer) {
  assertEquals(tokenizer.tokens, smallTokens);
  assertEquals(tokenizer.merges, smallMerges);
  assertEquals(tokenizer.endOfTextId, 259);
  assertEquals([...tokenizer.specialTokens], [["<|endoftext|>", 259]]);
}

Deno.test("fromVocabAndMerges() reads GPT-2's two files", () => {
  assertIsSmall(Tokenizer.fromVocabAndMerges(vocabJson, mergesText));
});

Deno.test("fromVocabAndMerges() takes merges with CRLF or without a version line", () => {
  for (
    const text of [
      mergesText.replaceAll("\n", "\r\n"),
      mergesText.replace("#version: 0.2\n", ""),
      mergesText.trimEnd(),
      mergesText + "\n\n",
    ]
  ) assertIsSmall(Tokenizer.fromVocabAndMerges(vocabJson, text));
});

Deno.test("fromVocabAndMerges() takes a merge that begins as a comment would", () => {
  const json = JSON.stringify({ ...vocab, "##": 260 });
  assertEquals(Tokenizer.fromVocabAndMerges(json, "# #\n").merges, ["# #"]);
});

Deno.test("fromVocabAndMerges() reads keys that JavaScript orders or treats specially", () => {
  const text = JSON.stringify({ ...vocab, "12": 260, "_p": 261, "__": 262, "__p": 263 }) //
    .replace('"__p"', '"__proto__"');
  const merges = "1 2\n_ p\n_ _\n";
  assertThrows(
    () => Tokenizer.fromVocabAndMerges(text, merges + "__ p\n"),
    FileFormatError,
    "__ p",
  );
  const tokenizer = Tokenizer.fromVocabAndMerges(text, merges);
  assertEquals(tokenizer.tokens.slice(260), ["12", "_p", "__", "__proto__"]);
  assertEquals(tokenizer.encode("12"), [260]);
  const again = Tokenizer.fromVocabAndMerges(tokenizer.toVocabJson(), tokenizer.toMergesText());
  assertEquals(again.tokens, tokenizer.tokens);
  assertEquals(Tokenizer.fromTokenizerJson(tokenizer.toTokenizerJson()).tokens, tokenizer.tokens);
});

Deno.test("fromTokenizerJson() reads GPT-2's file, as it was and as it is written today", () => {
  assertIsSmall(Tokenizer.fromTokenizerJson(tokenizerJson()));
  const today = tokenizerJson({
    added_tokens: [{ ...endOfText, normalized: false }],
    pre_tokenizer: {
      type: "ByteLevel",
      add_prefix_space: false,
      trim_offsets: true,
      use_regex: true,
    },
    post_processor: {
      type: "TemplateProcessing",
      single: [sequence],
      pair: [{ Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 1 } }],
      special_tokens: {},
    },
  }, {
    type: "BPE",
    byte_fallback: false,
    ignore_merges: false,
    merges: smallMerges.map((merge) => merge.split(" ")),
  });
  assertIsSmall(Tokenizer.fromTokenizerJson(today));
});

Deno.test("fromTokenizerJson() reads added tokens from inside and outside the vocabulary", () => {
  const added_tokens = [
    endOfText,
    { id: 261, content: "two words", special: false },
    { id: 260, content: "<pad>", special: true },
  ];
  const tokenizer = Tokenizer.fromTokenizerJson(tokenizerJson({ added_tokens }));
  assertEquals(tokenizer.tokens.slice(259), ["<|endoftext|>", "<pad>", "two words"]);
  assertEquals([...tokenizer.tokenTypes.slice(258)], [1, 3, 3, 4]);
  const again = Tokenizer.fromTokenizerJson(tokenizer.toTokenizerJson());
  assertEquals(again.tokens, tokenizer.tokens);
  assertEquals(again.tokenTypes, tokenizer.tokenTypes);
});

Deno.test("encode() finds a token that begins in white space that the token before it swallowed", () => {
  const added_tokens = [
    endOfText,
    { id: 260, content: "b>", rstrip: true },
    { id: 261, content: "\nab  ", rstrip: true },
    { id: 262, content: "\t" },
    { id: 263, content: "<l>", lstrip: true },
  ];
  const tokenizer = Tokenizer.fromTokenizerJson(tokenizerJson({ added_tokens }));
  const [x, tab] = [tokenizer.encode("x")[0], 262];
  // What tokenizers gives.
  for (
    const [text, ids] of [
      ["b>\n\nab  ", [260, 261]],
      ["b>\n\nab  x", [260, 261, x]],
      ["b> \t", [260, tab]],
      ["b> \t\tx", [260, tab, tab, x]],
      ["b> \t x", [260, tab, ...tokenizer.encode(" x")]],
      ["b>  <l>x", [260, 263, x]],
    ] as const
  ) assertEquals(tokenizer.encode(text), [...ids], JSON.stringify(text));
  // In time linear in the text, though each tab swallows all white space after it.
  for (const [lstrip, numTokens] of [[false, 500_000], [true, 1]] as const) {
    const stripping = Tokenizer.fromTokenizerJson(tokenizerJson({
      added_tokens: [endOfText, { id: 260, content: "\t", rstrip: true, lstrip }],
    }));
    // One that swallows what is before it as well is no token where nothing of it is left.
    assertEquals(stripping.encode("\t".repeat(500_000)).length, numTokens);
  }
});

/** A template that puts a token of that name before every text. */
function templateWith(name: string, special_tokens: object) {
  return tokenizerJson({
    post_processor: {
      type: "TemplateProcessing",
      single: [{ SpecialToken: { id: name, type_id: 0 } }, sequence],
      special_tokens,
    },
  });
}

Deno.test("fromTokenizerJson() takes the id that a template gives for a name, whatever is called so", () => {
  for (const name of ["BOS", "<|endoftext|>", "he"]) {
    const described = { [name]: { id: name, ids: [5], tokens: ["x"] } };
    const tokenizer = Tokenizer.fromTokenizerJson(templateWith(name, described));
    assertEquals(tokenizer.beginOfTextId, 5);
    assertEquals(tokenizer.encodePrompt("he"), [5, 256]);
    const again = Tokenizer.fromTokenizerJson(tokenizer.toTokenizerJson());
    assertEquals(again.encodePrompt("he"), [5, 256]);
  }
  assertEquals(Tokenizer.fromTokenizerJson(templateWith("he", {})).beginOfTextId, 256);
  for (const ids of [[7, 9], [], ["7"], undefined, [260], [-1], [0.5]]) {
    const described = { "<|endoftext|>": { id: "<|endoftext|>", ids } };
    const text = templateWith("<|endoftext|>", described);
    assertThrows(() => Tokenizer.fromTokenizerJson(text), FileFormatError, "token");
  }
});

Deno.test("fromFiles() keeps how a token is recognized where a file names it plainly", () => {
  const added = { id: 260, content: "<user>", lstrip: true, special: false };
  for (const specialTokensMapJson of [undefined, '{"pad_token": "<user>"}']) {
    const tokenizer = Tokenizer.fromFiles({
      tokenizerJson: tokenizerJson({ added_tokens: [endOfText, added] }),
      addedTokensJson: '{"<user>": 260}',
      specialTokensMapJson,
    });
    assertEquals(tokenizer.encode("he  <user>he", { allowSpecial: "all" }), [256, 260, 256]);
    assertEquals(tokenizer.specialTokens.has("<user>"), specialTokensMapJson !== undefined);
  }
});

Deno.test("fromFiles() adds the tokens of roles that only this model has", () => {
  const config = {
    image_token: "<image>",
    video_token: { content: "<video>", rstrip: true },
    chat_token: null,
    add_prefix_token: true,
    pad_token: "<pad>",
    extra_special_tokens: { boi_token: "<boi>", eoi_token: { content: "<eoi>" } },
    additional_special_tokens: ["<more>"],
  };
  const tokenizer = Tokenizer.fromFiles({
    tokenizerJson: tokenizerJson(),
    tokenizerConfigJson: JSON.stringify(config),
  });
  assertEquals([...tokenizer.specialTokens.keys()], [
    ...["<|endoftext|>", "<pad>", "<image>", "<video>", "<boi>", "<eoi>", "<more>"],
  ]);
  assertEquals(tokenizer.encode("<video>  <boi>", { allowSpecial: "all" }), [262, 263]);
});

Deno.test("toVocabJson(), toMergesText(), toTokenizerJson() write what can be read", async () => {
  const gpt2 = await Tokenizer.gpt2();
  const fromTwo = Tokenizer.fromVocabAndMerges(gpt2.toVocabJson(), gpt2.toMergesText());
  const fromOne = Tokenizer.fromTokenizerJson(gpt2.toTokenizerJson());
  for (const tokenizer of [fromTwo, fromOne]) {
    assert(tokenizer.vocabSize === gpt2.vocabSize);
    assert(tokenizer.tokens.every((token, id) => token === gpt2.tokens[id]));
    assert(tokenizer.merges.every((merge, rank) => merge === gpt2.merges[rank]));
    assertEquals(tokenizer.tokenTypes, gpt2.tokenTypes);
    assertEquals(tokenizer.endOfTextId, gpt2.endOfTextId);
  }
  assertEquals(
    Tokenizer.fromVocabAndMerges(vocabJson, mergesText).toMergesText(),
    mergesText,
  );
});

const gitLfsPointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1042301\n";
const webPage = "\n<!DOCTYPE html><html><title>404</title></html>";
const deepNest = `{"a":${"[".repeat(5000)}${"]".repeat(5000)}}`;

/** What is wrong, the two texts, and a part of the message. */
const badFiles: [name: string, vocab: string, merges: string, message: string][] = [
  ["an empty vocab.json", "", mergesText, "vocab.json is not valid JSON"],
  ["a vocab.json cut short", vocabJson.slice(0, -9), mergesText, "vocab.json is not valid JSON"],
  ["a Git LFS pointer", gitLfsPointer, mergesText, "is a Git LFS pointer, not the file itself"],
  ["a web page", webPage, mergesText, "is a web page, not the file itself"],
  ["a list", "[1, 2]", mergesText, "vocab.json is not a JSON object: received [1, 2]"],
  ["null", "null", mergesText, "vocab.json is not a JSON object: received null"],
  ["deep nesting", deepNest, mergesText, "nested deeper than 64 levels"],
  ["an empty object", "{}", mergesText, "merge 0 is not two tokens of the vocabulary"],
  [
    "the same key twice",
    vocabJson.replace('"he":256', '"ll":256'),
    mergesText,
    'the key "ll" is there twice',
  ],
  [
    "two tokens with one id",
    vocabJson.replace('"ll":257', '"ll":256'),
    mergesText,
    'two tokens have the same id: received ["he", "ll", 256]',
  ],
  [
    "an enormous id",
    vocabJson.replace('"ll":257', '"ll":1e15'),
    mergesText,
    "has an id far past their number: received 1000000000000000",
  ],
  [
    "a negative id",
    vocabJson.replace('"ll":257', '"ll":-1'),
    mergesText,
    'an id is not a whole number from 0 on: received ["ll", -1]',
  ],
  ["a fraction", vocabJson.replace(":257", ":1.5"), mergesText, 'received ["ll", 1.5]'],
  ["an id as text", vocabJson.replace(":257", ':"257"'), mergesText, 'received ["ll", "257"]'],
  ["no id", vocabJson.replace(":257", ":null"), mergesText, 'received ["ll", null]'],
  ["an unknown part", vocabJson, "#version: 0.2\nh e\nl lx\n", "merge 1 is not two tokens"],
  ["an unknown result", vocabJson, "h e\ne h\n", 'received "e h"'],
  ["an empty line among the merges", vocabJson, "h e\n\nl l\n", "merge 1 is not two tokens"],
  ["the same merge twice", vocabJson, "h e\nh e\n", 'merge 1 was there before: received "h e"'],
  ["a Git LFS pointer for merges", vocabJson, gitLfsPointer, 'received "version https://git-lfs'],
  ["a web page for merges", vocabJson, webPage, "merge 0 is not two tokens"],
];

for (const [name, vocabText, merges, message] of badFiles) {
  Deno.test(`fromVocabAndMerges() refuses ${name}`, () => {
    assertRefused(() => Tokenizer.fromVocabAndMerges(vocabText, merges, "bad/folder"), message);
  });
}

/** What is wrong, the text, and a part of the message. */
const badTokenizerJson: [name: string, text: string, message: string][] = [
  ["a web page", webPage, "tokenizer.json is a web page"],
  ["a list", "[]", "tokenizer.json is not a JSON object: received []"],
  ["an empty object", "{}", "model is not an object: received nothing"],
  [
    "a key twice",
    tokenizerJson().replace('"version"', '"padding"'),
    'the key "padding" is there twice',
  ],
  [
    "another model",
    tokenizerJson({}, { type: "WordPiece" }),
    'model.type is not what GPT-2\'s is: received "WordPiece"',
  ],
  ["dropout", tokenizerJson({}, { dropout: 0.1 }), "model.dropout is not what GPT-2's is"],
  [
    "a prefix of parts of words",
    tokenizerJson({}, { continuing_subword_prefix: "##" }),
    'model.continuing_subword_prefix is not what GPT-2\'s is: received "##"',
  ],
  [
    "a suffix of words",
    tokenizerJson({}, { end_of_word_suffix: "</w>" }),
    "model.end_of_word_suffix is not",
  ],
  ["byte fallback", tokenizerJson({}, { byte_fallback: true }), "model.byte_fallback is not"],
  ["ignored merges", tokenizerJson({}, { ignore_merges: true }), "model.ignore_merges is not"],
  ["no vocabulary", tokenizerJson({}, { vocab: undefined }), "model.vocab is not an object"],
  ["a vocabulary with scores", tokenizerJson({}, { vocab: [["a", 0]] }), "not an object"],
  ["no merges", tokenizerJson({}, { merges: undefined }), "model.merges is not a list"],
  ["a merge of three", tokenizerJson({}, { merges: [["h", "e", "l"]] }), "merge 0 is not two"],
  ["a merge that is a number", tokenizerJson({}, { merges: ["h e", 5] }), "merge 1 is not two"],
  [
    "a merge of a token with a space",
    tokenizerJson({}, { merges: [["h e", "l"]] }),
    'received "h e l"',
  ],
  ["a normalizer", tokenizerJson({ normalizer: { type: "NFC" } }), "it changes the text first"],
  ["no pre-tokenizer", tokenizerJson({ pre_tokenizer: null }), "pre_tokenizer is not an object"],
  [
    "another pattern",
    tokenizerJson({ pre_tokenizer: { type: "Split", pattern: { Regex: "(a+)+$" } } }),
    'pre_tokenizer.type is not what GPT-2\'s is: received "Split"',
  ],
  [
    "a list of pre-tokenizers",
    tokenizerJson({ pre_tokenizer: { type: "Sequence", pretokenizers: [] } }),
    'received "Sequence"',
  ],
  [
    "no pattern",
    tokenizerJson({
      pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, use_regex: false },
    }),
    "pre_tokenizer.use_regex is not",
  ],
  [
    "two tokens before every text",
    tokenizerJson({
      post_processor: { type: "TemplateProcessing", single: [special, special, sequence] },
    }),
    "it adds tokens to every text",
  ],
  [
    "a token after every text",
    tokenizerJson({ post_processor: { type: "TemplateProcessing", single: [sequence, special] } }),
    "it adds tokens to every text",
  ],
  [
    "a token instead of every text",
    tokenizerJson({ post_processor: { type: "TemplateProcessing", single: [special] } }),
    "it adds tokens to every text",
  ],
  [
    "another post-processor",
    tokenizerJson({ post_processor: { type: "RobertaProcessing" } }),
    'received {"type": "RobertaProcessing"}',
  ],
  ["a post-processor that is text", tokenizerJson({ post_processor: "x" }), 'received "x"'],
  ["another decoder", tokenizerJson({ decoder: { type: "WordPiece" } }), "decoder.type is not"],
  ["added tokens that are no list", tokenizerJson({ added_tokens: {} }), "is not a list"],
  ["an added token of nothing", tokenizerJson({ added_tokens: [null] }), "has no content"],
  [
    "an empty added token",
    tokenizerJson({ added_tokens: [endOfText, { id: 260, content: "" }] }),
    "an added token is empty",
  ],
  [
    "an added token with another id",
    tokenizerJson({ added_tokens: [{ ...endOfText, id: 258 }] }),
    'another id than the 259 that transformers gives it: received ["<|endoftext|>", 258]',
  ],
  [
    "an added token in another's place",
    tokenizerJson({ added_tokens: [{ id: 256, content: "<pad>", special: true }] }),
    'another id than the 260 that transformers gives it: received ["<pad>", 256]',
  ],
  [
    "an added token past a gap",
    tokenizerJson({ added_tokens: [{ id: 300, content: "<pad>", special: true }] }),
    'another id than the 260 that transformers gives it: received ["<pad>", 300]',
  ],
  [
    "an added token whose id is text",
    tokenizerJson({ added_tokens: [{ content: "<pad>", id: "260" }] }),
    'an id is not a whole number from 0 on: received ["<pad>", "260"]',
  ],
  [
    "unknown bytes that are one token together",
    tokenizerJson({
      model: { ...JSON.parse(tokenizerJson({})).model, unk_token: "h", fuse_unk: true },
    }),
    "model.fuse_unk makes one token of several unknown bytes",
  ],
  [
    "a value that is too deep to be shown",
    // Put in as text: where the stack is small it is also too deep to be written.
    tokenizerJson().replace('"normalizer":null', `"normalizer":${deepNest}`),
    "nested deeper than 64 levels",
  ],
];

for (const [name, text, message] of badTokenizerJson) {
  Deno.test(`fromTokenizerJson() refuses ${name}`, () => {
    assertRefused(() => Tokenizer.fromTokenizerJson(text, "bad/folder"), message);
  });
}

function assertRefused(read: () => unknown, message: string) {
  const error = assertThrows(read, FileFormatError, message);
  assertEquals(error.path, "bad/folder");
  assert(error.message.startsWith("Cannot read the tokenizer of bad/folder: "), error.message);
  assert(error.message.length < 400, error.message);
}
