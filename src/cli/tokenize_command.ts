/**
 * `tokenize`: text to tokens, and back.
 *
 * @module
 */
import { openCheckpoint } from "../checkpoint/open_checkpoint.ts";
import { quote, quotePath } from "../base/describe.ts";
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
import { UsageError } from "./arguments/usage_error.ts";
import { jsonText } from "./terminal/terminal_text.ts";

/** JavaScript's longest text is twice as long. */
const MAX_TEXT_BYTES = 2 ** 28;

/** So many rows are written at once. */
const ROWS_PER_WRITE = 1000;

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
    const input = await readText(
      operands.length > 0 ? operands.join(" ") : undefined,
      values.file,
      io,
      { maxBytes: MAX_TEXT_BYTES },
    );
    if (input === undefined) {
      throw new UsageError(`tokenize needs ${decode ? "ids" : "a text"}: received nothing.`);
    }
    if (decode) {
      const ids = parseIds(input);
      const text = (await findTokenizer(model, io)).decode(ids);
      await io.stdout.write(json ? jsonText({ model, ids, text }) + "\n" : endLine(text));
      return;
    }
    const tokenizer = await findTokenizer(model, io);
    const ids = tokenizer.encode(input, allowSpecial ? { allowSpecial: "all" } : {});
    if (json) {
      const tokens = ids.map((id) => ({ id, piece: tokenizer.piece(id) }));
      await io.stdout.write(jsonText({ model, text: input, tokens }) + "\n");
    } else if (values.ids) {
      await io.stdout.write(ids.join(" ") + "\n");
    } else {
      const width = String(tokenizer.vocabSize - 1).length;
      const rows = ids.map((id) =>
        `${String(id).padStart(width)}  ${visible(tokenizer.tokenBytes(id))}\n`
      );
      for (let start = 0; start < rows.length; start += ROWS_PER_WRITE) {
        await io.stdout.write(rows.slice(start, start + ROWS_PER_WRITE).join(""));
      }
      if (io.stderr.isTerminal) await io.stderr.write(`${ids.length} tokens\n`);
    }
  },
});

async function findTokenizer(model: string, io: Io): Promise<Tokenizer> {
  if (model === "gpt2") return await Tokenizer.gpt2();
  const path = await resolveModelShowing(model, io, { alternative: DEMO_FLAG });
  using checkpoint = await openCheckpoint(path);
  const tokenizer = await checkpoint.readTokenizer();
  if (tokenizer !== undefined) return tokenizer;
  throw new Deno.errors.NotFound(
    `Cannot tokenize: the model has no tokenizer: received ${
      quotePath(model)
    }. Give another one, such as gpt2.`,
  );
}

function parseIds(text: string): number[] {
  return text.split(/[\s,]+/).filter((word) => word !== "").map((word) => {
    const id = parseInteger(word);
    if (id !== undefined) return id;
    throw new UsageError(
      `--decode needs token ids: received ${quote(word)}. Write for example 15496 995.`,
    );
  });
}

/** The bytes of a token as a text in quotes, or, where they are part of a character, in hexadecimal. */
function visible(bytes: Uint8Array): string {
  try {
    return quote(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return `<${bytes.toHex()}>`;
  }
}

function endLine(text: string): string {
  return text.endsWith("\n") ? text : text + "\n";
}
