/**
 * Things that are often found where a model file should be.
 *
 * @module
 */

import type { FileFormatError } from "./errors.ts";
import type { ByteSource } from "./byte_source.ts";
import { formatError } from "./describe.ts";

const INSPECTED_BYTES = 512;

interface ForeignContent {
  /** What it is, after "it is". */
  readonly name: string;
  /** Recognizes it by its first bytes, one character each. */
  readonly matches: (head: string) => boolean;
  /** What to do about it. */
  readonly advice: string;
}

const FOREIGN_CONTENTS: readonly ForeignContent[] = [
  {
    name: "a Git-LFS pointer that stands for the file",
    matches: (head) => head.startsWith("version https://git-lfs.github.com/spec/"),
    advice: "Run `git lfs pull` in its folder, or download the file itself.",
  },
  {
    name: "an HTML page",
    // A byte order mark, white space and a comment may come first.
    matches: (head) =>
      /^(?:\xef\xbb\xbf)?\s*(?:<!--[^]*?-->\s*)?<(?:!doctype\s+html|html|head|body)\b/i.test(head),
    advice: "The download saved an error or login page: download the file itself.",
  },
  {
    name: "a ZIP archive, as PyTorch writes them",
    matches: (head) => head.startsWith("PK\x03\x04"),
    advice:
      "Save the model as safetensors: `model.save_pretrained(folder)` in Hugging Face transformers.",
  },
  {
    name: "a GGUF file",
    matches: (head) => head.startsWith("GGUF"),
    advice: "Pass it as a model file, under a name that ends in .gguf.",
  },
  {
    name: "a safetensors file",
    // The length of the header, below 2^32, then the header.
    matches: (head) => head.slice(4, 9) === "\0\0\0\0{",
    advice: "Give it a name that ends in .safetensors, in a folder with its config.json.",
  },
];

/**
 * The error that names what the bytes are, if they are something well known. Readers call it when the bytes are not what
 * they read, before they complain of details.
 *
 * @param format what the bytes were read as: GGUF, safetensors, JSON
 */
export function recognizeForeignContent(
  format: string,
  source: ByteSource,
): FileFormatError | undefined {
  const bytes = source.read(0, Math.min(source.size, INSPECTED_BYTES));
  const head = String.fromCharCode(...bytes);
  const found = FOREIGN_CONTENTS.find(({ name, matches }) =>
    name !== `a ${format} file` && matches(head)
  );
  if (!found) return undefined;
  return formatError(format, source.path, `it is ${found.name}`, head.slice(0, 24), found.advice);
}
