/**
 * The keys of a server's clients.
 *
 * @module
 */
import { quotePath } from "../../base/describe.ts";
import { UsageError } from "../arguments/usage_error.ts";
import { readFileOrStdin } from "../read_text.ts";
import type { Io } from "../terminal/io.ts";

const MAX_KEYS_BYTES = 2 ** 20;
const MIN_KEY_CHARACTERS = 8;

/**
 * The keys in a file: one on each line; empty lines and those that begin with # are none.
 *
 * @throws {UsageError} if there is none, or one cannot be sent or can be guessed
 */
export async function readApiKeys(path: string, io: Io): Promise<string[]> {
  const text = await readFileOrStdin(path, io, {
    maxBytes: MAX_KEYS_BYTES,
    flag: "--api-key-file",
  });
  const keys = text.split(/\r?\n/).map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  if (keys.length === 0) {
    throw new UsageError(`There is no key in ${quotePath(path)}. Write one on each line.`);
  }
  const wrong = keys.findIndex((key) => whatIsWrong(key) !== undefined);
  if (wrong >= 0) {
    throw new UsageError(
      `A key must have at least ${MIN_KEY_CHARACTERS} characters, all of them letters, digits or signs of ASCII: ` +
        `key ${wrong + 1} of ${quotePath(path)} ${whatIsWrong(keys[wrong])}. ` +
        "Make one with openssl rand -hex 32.",
    );
  }
  return keys;
}

/** What is wrong with a key, which is not shown: it may be nearly one. */
function whatIsWrong(key: string): string | undefined {
  if (!/^[\x21-\x7e]+$/.test(key)) return "has a space or another character";
  return key.length < MIN_KEY_CHARACTERS ? `has ${key.length}` : undefined;
}
