/**
 * JSON as it is written into Hugging Face's configuration files.
 *
 * @module
 */

/** An object to be written. */
export type JsonRecord = Record<string, unknown>;

/** What TypeScript does not know of `JSON` yet: numbers as they are written. */
const json = JSON as unknown as {
  rawJSON(text: string): unknown;
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source: string }) => unknown,
  ): JsonRecord;
};

/** A number that Python reads as a float, even if it is a whole one: transformers refuses an epsilon of `0`. */
export function float(value: number): unknown {
  return Number.isInteger(value) ? json.rawJSON(value.toFixed(1)) : value;
}

/** The object in a text that was checked before; its numbers will be written as they are in the text, `1.0` as `1.0`. */
export function parseForWriting(text: string): JsonRecord {
  return json.parse(
    text,
    (_key, value, { source }) => typeof value === "number" ? json.rawJSON(source) : value,
  );
}

/** The text of a file. */
export function toJsonText(value: JsonRecord): string {
  return JSON.stringify(value, null, 2) + "\n";
}
