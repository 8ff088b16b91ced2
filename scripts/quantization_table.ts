/**
 * Measures what each quantization type costs and what it does to a model: file size, bits per weight, perplexity.
 *
 *     deno run -A scripts/quantization_table.ts model-folder [text.txt]
 *
 * The text is read in windows of the model's context length that do not overlap; each token but the first of a window is
 * predicted. Without a text, it is the last tenth of tiny Shakespeare, which the demo model has not been trained on.
 * Prints a Markdown table.
 *
 * @module
 */
import { fileTypes } from "../src/checkpoint/file_types.ts";
import { convertCheckpoint } from "../src/checkpoint/convert.ts";
import { GPT2 } from "../src/gpt2.ts";
import { readTinyShakespeare } from "../tests/fixtures/tiny_shakespeare.ts";
import { openLibrary } from "../src/native_library/native_library.ts";

await openLibrary();

const [source, textPath] = Deno.args;
if (source === undefined) {
  console.error("Usage: deno run -A scripts/quantization_table.ts model-folder [text.txt]");
  Deno.exit(2);
}
const text = textPath === undefined ? await validationText() : await Deno.readTextFile(textPath);
const folder = await Deno.makeTempDir();
const rows: string[][] = [];
try {
  for (const type of fileTypes) {
    const path = `${folder}/${type}.gguf`;
    await convertCheckpoint(source, path, { type });
    using model = await GPT2.fromPretrained(path, { threads: 1 });
    const { size } = await Deno.stat(path);
    const loss = await meanLoss(model, text);
    rows.push([
      type,
      `${(size / 1e6).toFixed(2)} MB`,
      (size * 8 / model.numParameters()).toFixed(2),
      loss.toFixed(4),
      Math.exp(loss).toFixed(3),
    ]);
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
console.log(table(["type", "file", "bits per weight", "loss (nats/token)", "perplexity"], rows));

async function validationText(): Promise<string> {
  const text = await readTinyShakespeare();
  return text.slice(Math.floor(text.length * 0.9));
}

async function meanLoss(model: GPT2, text: string): Promise<number> {
  const ids = model.tokenizer!.encode(text);
  const { contextLength } = model.config;
  let sum = 0;
  let count = 0;
  for (let start = 0; start + contextLength < ids.length; start += contextLength) {
    const tokens = ids.slice(start, start + contextLength);
    const targets = ids.slice(start + 1, start + contextLength + 1);
    const { loss } = await model.forward(tokens, { targets });
    sum += loss!;
    count++;
  }
  return sum / count;
}

function table(header: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...rows.map(line)].join("\n");
}
