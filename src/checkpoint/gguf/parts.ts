/**
 * GGUF models that `llama-gguf-split` has cut into several files: `name-00001-of-00003.gguf`, ...
 *
 * @module
 */
import { type FileSource, openRegularFile } from "../../base/byte_source.ts";
import { formatError, quotePath } from "../../base/describe.ts";
import { type GgufFile, readGgufHeader } from "../../formats/gguf.ts";
import { metadataNumber } from "../../formats/gguf_value.ts";

/** One file of a model, open. */
export interface GgufPart {
  /** Its bytes. */
  readonly source: FileSource;
  /** Its header. */
  readonly file: GgufFile;
}

const PART_NAME = /-(\d{5})-of-(\d{5})(\.gguf)$/i;
const COUNT_KEY = "split.count";
const INDEX_KEY = "split.no";
/** Far more than anyone makes. */
const MAX_PARTS = 1000;

/**
 * Opens all files of a model, the one with its metadata first.
 *
 * @param path any of them; most models are one file
 * @param opened gets the files to close
 * @throws {FileFormatError} if one is damaged, or is no part of this model
 * @throws {Deno.errors.NotFound} if one is missing
 */
export function openGgufParts(path: string, opened: DisposableStack): GgufPart[] {
  const given = open(path, opened);
  const count = metadataNumber(given.file, COUNT_KEY) ?? 1;
  if (count <= 1) return [given];
  const [, , total] = PART_NAME.exec(path) ?? [];
  if (!(count <= MAX_PARTS) || Number(total) !== count) {
    throw formatError(
      "a GPT-2 model",
      path,
      `it is one of ${count} parts, and its name must end in -00001-of-${
        String(count).padStart(5, "0")
      }.gguf`,
      path,
      "Give all parts the names they had.",
    );
  }
  return Array.from({ length: count }, (_, index) => {
    const name = path.replace(PART_NAME, `-${String(index + 1).padStart(5, "0")}-of-$2$3`);
    const part = name === path ? given : openOther(name, path, opened);
    const found = metadataNumber(part.file, INDEX_KEY);
    if (found === index && metadataNumber(part.file, COUNT_KEY) === count) return part;
    throw formatError(
      "a GPT-2 model",
      name,
      `it must be part ${index + 1} of ${count}`,
      found === undefined ? found : found + 1,
      "Give all parts the names they had.",
    );
  });
}

function openOther(name: string, path: string, opened: DisposableStack): GgufPart {
  try {
    return open(name, opened);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Deno.errors.NotFound(
      `Cannot open ${quotePath(path)}: it is a part of a model, and another part is missing: ` +
        `received no ${quotePath(name)}. Put all parts into one folder.`,
      { cause: error },
    );
  }
}

function open(path: string, opened: DisposableStack): GgufPart {
  const source = opened.use(openRegularFile(path));
  return { source, file: readGgufHeader(source) };
}
