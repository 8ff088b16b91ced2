/**
 * `tokenizer`: making tokenizers.
 *
 * @module
 */
import { TOKENIZER_FILES } from "../checkpoint/hugging_face/tokenizer.ts";
import { quote, quotePath } from "../base/describe.ts";
import { exists } from "../base/files.ts";
import { requireNamedFile } from "./arguments/output_path.ts";
import { defineCommand } from "./command.ts";
import { jsonFlag } from "./arguments/common_flags.ts";
import type { FlagValues } from "./arguments/flags.ts";
import { UsageError } from "./arguments/usage_error.ts";
import { ByteProgressBar } from "./terminal/byte_progress_bar.ts";
import type { Io } from "./terminal/io.ts";
import { jsonText } from "./terminal/terminal_text.ts";
import { countText } from "./terminal/units.ts";

const KINDS = ["bpe", "char"] as const;

const flags = {
  out: {
    kind: "text",
    short: "o",
    valueName: "folder",
    help: "The folder to write into, which is made if there is none. Required.",
  },
  kind: {
    kind: "choice",
    valueName: "kind",
    choices: KINDS,
    default: "bpe",
    help: "bpe learns byte pairs, as GPT-2 has them; char gives each character a token.",
  },
  vocabSize: {
    kind: "integer",
    valueName: "count",
    min: 256,
    max: 2 ** 20,
    help: "For bpe, how many tokens: 256 bytes, pairs, <|endoftext|>. Default: 4096.",
  },
  minFrequency: {
    kind: "integer",
    valueName: "count",
    min: 1,
    help: "For bpe, how often a pair must be there to become a token. Default: 2.",
  },
  noEndOfText: {
    kind: "switch",
    help:
      "Make no token <|endoftext|>. Then no text ends by itself, and llama.cpp takes token 11 for the end.",
  },
  overwrite: { kind: "switch", help: "Replace the tokenizer that is in the folder." },
  json: { ...jsonFlag, help: "Write one JSON object: folder, vocabSize, numMerges and time." },
} as const;

/** Learns a tokenizer. */
export const tokenizerCommand = defineCommand({
  name: "tokenizer",
  summary: "Learn a tokenizer from texts.",
  details:
    'The texts are a file, a folder (its .txt and .md files), or a .jsonl file with a "text" in each line. Written are ' +
    "tokenizer.json, vocab.json, merges.txt and tokenizer_config.json, which Hugging Face transformers and tokenizers load, " +
    "as does tokenize --model <folder>. Byte pairs are those that Hugging Face's tokenizers learn from the same text.",
  operands: {
    usage: "train <texts>",
    min: 2,
    max: 2,
    advice: "Give train, and one file or folder of texts.",
  },
  flags,
  examples: [
    [
      "tokenizer train story.txt --vocab-size 4096 -o story-bpe",
      "Learn byte pairs from a text",
    ],
    ["tokenizer train story.txt --kind char -o characters", "One token for each character"],
  ],

  async run({ values, operands: [action, texts] }, io) {
    if (action !== "train") {
      throw new UsageError(
        `tokenizer takes train and texts: received ${quote(action)}. ` +
          "Give tokenizer train <texts>; tokenize shows the tokens of a text.",
      );
    }
    const folder = requireFolder(values);
    const start = performance.now();
    const tokenizer = await learn(texts, values, io);
    const { saveTokenizer } = await import("../checkpoint/hugging_face/save_tokenizer.ts");
    await saveTokenizer(tokenizer, folder);
    const elapsedMs = performance.now() - start;
    const { vocabSize } = tokenizer;
    const fewer = values.vocabSize !== undefined && vocabSize < values.vocabSize
      ? ", as there are no more pairs that are frequent enough"
      : "";
    await io.stderr.write(
      `Learned ${countText(vocabSize, "token")} in ${(elapsedMs / 1000).toFixed(1)} s${fewer}.\n`,
    );
    const numMerges = tokenizer.merges.length;
    await io.stdout.write(
      values.json ? jsonText({ folder, vocabSize, numMerges, elapsedMs }) + "\n" : `${folder}\n`,
    );
  },
});

/** Where to write. */
function requireFolder({ out, overwrite }: FlagValues<typeof flags>): string {
  if (out === undefined) {
    throw new UsageError("tokenizer train needs --out <folder>: received none. Give a folder.");
  }
  requireNamedFile("--out", out, "folder");
  const there = Object.values(TOKENIZER_FILES).find((name) => exists(`${out}/${name}`));
  if (there === undefined || overwrite) return out;
  throw new UsageError(
    `There is a tokenizer in the folder already: received ${quotePath(out)}, with ${there}. ` +
      "Choose another folder, or add --overwrite.",
  );
}

async function learn(
  texts: string,
  { kind, vocabSize, minFrequency, noEndOfText }: FlagValues<typeof flags>,
  { stderr, signal }: Io,
) {
  const given = { "--vocab-size": vocabSize, "--min-frequency": minFrequency };
  for (const [flag, value] of Object.entries(kind === "char" ? given : {})) {
    if (value === undefined) continue;
    throw new UsageError(`${flag} is for --kind bpe: received --kind char. Leave one out.`);
  }
  // Loaded only now: every help reads this file.
  const { trainTokenizerOnFiles } = await import("../training/data/train_tokenizer_on_files.ts");
  const bar = new ByteProgressBar(stderr, "Reading texts");
  try {
    return await trainTokenizerOnFiles(texts, {
      kind,
      vocabSize,
      minFrequency,
      endOfText: !noEndOfText,
      signal,
      onProgress: ({ readBytes, totalBytes }) => bar.show(readBytes, totalBytes),
    });
  } finally {
    await bar.clear();
  }
}
