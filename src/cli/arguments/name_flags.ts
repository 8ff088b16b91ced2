/**
 * Errors of the library, in the words of the command line.
 *
 * @module
 */
import { type Flags, flagText } from "./flags.ts";

/**
 * A word and a text in quotes, such as `overflow "crop"`; a text in quotes, which is a user's; a name in camelCase, or of one
 * word in backticks.
 */
const WORDS = /\b(\w+) ("(?:[^"\\]|\\.)*")|"(?:[^"\\]|\\.)*"|\b[a-z]+[A-Z]\w*|`[a-z]+`/g;

/** What a message is about: a name of one word too, behind what cannot be done and before what is wrong with it. */
const SUBJECT = /^(Cannot [^:"]+: )([a-z]+)(?= (?:must|is|are|has|needs|cannot|does)\b)/;

/**
 * A message in which options have the names of flags: `maxNewTokens` is `--max-new-tokens`, `overflow "crop"` is
 * `--overflow crop`. Words that are names of flags, such as model, are taken for them where the message is about them. What
 * is in quotes otherwise stays as it is.
 */
export function nameFlags(message: string, flags: Flags): string {
  const named = message.replace(
    SUBJECT,
    (words, begin, name) => Object.hasOwn(flags, name) ? begin + flagText(name) : words,
  );
  return named.replace(WORDS, (words: string, name?: string, value?: string) => {
    const option = name ?? words.replaceAll("`", "");
    if (!Object.hasOwn(flags, option)) return words;
    if (value === undefined) return flagText(option);
    const isChoice = flags[option].kind === "choice";
    return isChoice ? `${flagText(option)} ${value.slice(1, -1)}` : words;
  });
}
