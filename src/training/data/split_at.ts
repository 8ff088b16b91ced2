/**
 * Texts that stand one after another in one.
 *
 * @module
 */

/** A part of one of the texts. */
export interface SplitPart {
  /** The part. May be empty. */
  readonly text: string;
  /** Whether the text ends with it. */
  readonly endsText: boolean;
}

/**
 * Cuts a text that comes in parts wherever a separator is. There is one text more than there are separators, and they may be empty.
 *
 * @param separator what is left out; without one, the text stays whole
 */
export async function* splitAt(
  parts: AsyncIterable<string>,
  separator: string | undefined,
): AsyncGenerator<SplitPart> {
  // The beginning of a separator, perhaps, whose end comes with the next part.
  let rest = "";
  const numKept = separator === undefined ? 0 : separator.length - 1;
  for await (const part of parts) {
    let text = rest + part;
    if (separator !== undefined) {
      const texts = text.split(separator);
      text = texts.pop()!;
      for (const text of texts) yield { text, endsText: true };
    }
    const end = Math.max(0, text.length - numKept);
    rest = text.slice(end);
    if (end > 0) yield { text: text.slice(0, end), endsText: false };
  }
  yield { text: rest, endsText: true };
}
