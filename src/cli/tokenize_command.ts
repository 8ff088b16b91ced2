/**
 * `tokenize`: text to tokens, and back.
 *
 * @module
 */
import { tokenizerError } from "../checkpoint/hugging_face/other_tokenizers.ts";
import { openCheckpoint } from "../checkpoint/open_checkpoint.ts";
import { readTokenizerFolder } from "../checkpoint/hugging_face/tokenizer.ts";
import { isFile, isFolder } from "../base/files.ts";
import { quote } from "../base/describe.ts";
import { Tokenizer } from "../tokenizer/tokenizer.ts";
import { defineCommand } from "./command.ts";
import { fileFlag, jsonFlag, modelFlag } from "./arguments/common_flags.ts";
import {
  builtInDefault,
  defaultModel,
  DEMO_FLAG,
  MODEL_VARIABLE,
} from "./arguments/default_model.ts";
import type { Io } from "./terminal/io.ts";
import { resolveModelShowing } from "./model_progress.ts";
import { parseInteger } from "./arguments/parse_arguments.ts";
import { readText } from "./read_text.ts";
import { textIsArgument } from "./arguments/peer_flags.ts";
import { UsageError } from "./arguments/usage_error.ts";
import { jsonText } from "./terminal/terminal_text.ts";

/** JavaScript's longest text is twice as long. */
const MAX_TEXT_BYTES = 2 ** 28;

/** So much is written at once: what is written may be many times as long as the text, and is never held as a whole. */
const CHARACTERS_PER_WRITE = 65_536;
const IDS_PER_WRITE = 8192;

/** Shows the tokens of a text, or the text of tokens. */
export const tokenizeCommand = defineCommand({
  name: "tokenize",
  summary: "Show the tokens of a text, or the text of tokens.",
  details: "The text, or with --decode the ids, come from arguments, from a file, or from stdin.",
  operands: { usage: "[text | id ...]", min: 0, max: Infinity },
  flags: {
    model: {
      ...modelFlag,
      help:
        `Whose tokenizer: that of a model of the hub, a folder, a .gguf file, or demo; that of gpt2 ` +
        `is part of this program. Default: $${MODEL_VARIABLE}, or ${builtInDefault()}.`,
    },
    file: fileFlag,
    decode: { kind: "switch", short: "d", help: "Turn ids, apart by spaces or commas, into text." },
    allowSpecial: { kind: "switch", help: "Read <|endoftext|> as the special token." },
    ids: { kind: "switch", help: "Write the ids only, in one line." },
    json: jsonFlag,
  },
  foreignFlags: textIsArgument,
  examples: [
    ['tokenize "Hello world"', "The tokens of a text"],
    ["tokenize --decode 15496 995", "The text of tokens"],
    ["tokenize --file story.txt --ids", "The ids of a file's tokens"],
  ],

  async run({ values, operands }, io) {
    const { decode, json, model = defaultModel(), allowSpecial } = values;
    if (operands.length > 1 && !decode) {
      throw new UsageError(
        `tokenize takes one text: received ${operands.length} arguments. Put the text in quotes.`,
      );
    }
    requireUse(values);
    const input = await readText(
      operands.length > 0 ? operands.join(" ") : undefined,
      values.file,
      io,
      { maxBytes: MAX_TEXT_BYTES },
    );
    if (input === undefined) {
      throw new UsageError(
        `tokenize needs ${decode ? "ids" : "a text"}: received none. ` +
          `${
            decode ? "Write them behind it" : "Put it in quotes"
          }, give --file, or write to stdin.`,
      );
    }
    if (decode) checkWords(input);
    const tokenizer = await findTokenizer(model, io);
    if (decode) {
      for (const ids of readIds(input)) tokenizer.decodeBytes(ids); // All are known before any is shown.
      await writeAll(
        json ? decodedJson(model, input, tokenizer) : decodedLines(input, tokenizer),
        io,
      );
      return;
    }
    let numTokens = 0;
    const parts = tokenizer.encodeInParts(input, allowSpecial ? { allowSpecial: "all" } : {})
      .map((ids) => (numTokens += ids.length, ids));
    if (json) await writeAll(tokensJson(model, input, parts, tokenizer), io);
    else if (values.ids) await writeAll(concat(separated(parts, " ", String), ["\n"]), io);
    else {
      await writeAll(rows(parts, tokenizer), io);
      if (io.stderr.isTerminal) await io.stderr.write(`${numTokens} tokens\n`);
    }
  },
});

/**
 * Requires that each flag has an effect.
 *
 * @throws {UsageError} if one has none
 */
function requireUse({ decode, ids, json, allowSpecial }: Record<string, unknown>): void {
  const useless = ids && json
    ? ["--json", "--ids"]
    : decode && ids
    ? ["--decode", "--ids"]
    : decode && allowSpecial
    ? ["--decode", "--allow-special"]
    : undefined;
  if (useless === undefined) return;
  const [one, other] = useless;
  throw new UsageError(`${other} has no effect with ${one}: received both. Leave one out.`);
}

async function writeAll(texts: Iterable<string>, { stdout, signal }: Io): Promise<void> {
  for (const text of texts) {
    signal.throwIfAborted();
    await stdout.write(text);
  }
}

async function findTokenizer(model: string, io: Io): Promise<Tokenizer> {
  if (model === "gpt2") return await Tokenizer.gpt2();
  const path = await resolveModelShowing(model, io, { alternative: DEMO_FLAG });
  const tokenizer = hasModel(path) ? await readModelsTokenizer(path) : readTokenizerFolder(path);
  if (tokenizer !== undefined) return tokenizer;
  throw tokenizerError("tokenize", path);
}

/** Whether something is a model, or is to be: what `tokenizer train` writes is a folder without one. */
function hasModel(path: string): boolean {
  return !isFolder(path) || isFile(`${path}/config.json`) ||
    readTokenizerFolder(path) === undefined;
}

async function readModelsTokenizer(path: string): Promise<Tokenizer | undefined> {
  using checkpoint = await openCheckpoint(path);
  return await checkpoint.readTokenizer();
}

/** The ids in a text, some at a time. */
function* readIds(text: string): Generator<number[]> {
  let ids: number[] = [];
  for (const [word] of text.matchAll(/[^\s,]+/g)) {
    const id = parseInteger(word);
    if (id === undefined) {
      throw new UsageError(
        `--decode needs token ids: received ${quote(word)}. Write for example 15496 995.`,
      );
    }
    ids.push(id);
    if (ids.length < IDS_PER_WRITE) continue;
    yield ids;
    ids = [];
  }
  yield ids;
}

/** Throws where a text is not ids. */
function checkWords(text: string): void {
  for (const _ of readIds(text));
}

function* rows(parts: Iterable<number[]>, tokenizer: Tokenizer): Generator<string> {
  const width = String(tokenizer.vocabSize - 1).length;
  for (const ids of parts) {
    yield ids.map((id) => `${String(id).padStart(width)}  ${visible(tokenizer.tokenBytes(id))}\n`)
      .join("");
  }
}

function* tokensJson(
  model: string,
  text: string,
  parts: Iterable<number[]>,
  tokenizer: Tokenizer,
): Generator<string> {
  yield `{"model":${jsonText(model)},"text":"`;
  yield* escapedParts(slices(text));
  yield `","tokens":[`;
  yield* separated(parts, ",", (id) => jsonText({ id, piece: tokenizer.piece(id) }));
  yield "]}\n";
}

function* decodedJson(model: string, input: string, tokenizer: Tokenizer): Generator<string> {
  yield `{"model":${jsonText(model)},"ids":[`;
  yield* separated(readIds(input), ",", String);
  yield `],"text":"`;
  yield* escapedParts(decoded(input, tokenizer));
  yield `"}\n`;
}

/** The text of ids, with an end of line if it has none. */
function* decodedLines(input: string, tokenizer: Tokenizer): Generator<string> {
  let hasEnded = false;
  for (const text of decoded(input, tokenizer)) {
    yield text;
    if (text !== "") hasEnded = text.endsWith("\n");
  }
  if (!hasEnded) yield "\n";
}

/** The text of ids in parts, none of which ends within a character. */
function* decoded(input: string, tokenizer: Tokenizer): Generator<string> {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  for (const ids of readIds(input)) {
    yield decoder.decode(tokenizer.decodeBytes(ids), { stream: true });
  }
  yield decoder.decode();
}

/** Parts of a long text, none of which ends within a character. */
function* slices(text: string): Generator<string> {
  for (let start = 0; start < text.length;) {
    let end = start + CHARACTERS_PER_WRITE;
    if (/[\ud800-\udbff]/.test(text.charAt(end - 1))) end++;
    yield text.slice(start, end);
    start = end;
  }
}

/** What stands between the quotes of a JSON text. */
function* escapedParts(texts: Iterable<string>): Generator<string> {
  for (const text of texts) yield jsonText(text).slice(1, -1);
}

/** Ids as words, with something between them. */
function* separated(
  parts: Iterable<number[]>,
  separator: string,
  show: (id: number) => string,
): Generator<string> {
  let isFirst = true;
  for (const ids of parts) {
    if (ids.length === 0) continue;
    yield (isFirst ? "" : separator) + ids.map(show).join(separator);
    isFirst = false;
  }
}

function* concat(...lists: Iterable<string>[]): Generator<string> {
  for (const list of lists) yield* list;
}

/** The bytes of a token as a text in quotes, or, where they are part of a character, in hexadecimal. */
function visible(bytes: Uint8Array): string {
  try {
    return quote(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return `<${bytes.toHex()}>`;
  }
}
