/**
 * What a caller means by the name of an activation or a weight.
 *
 * @module
 */
import { closestName } from "../base/closest_name.ts";
import { describe } from "../base/describe.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import { namePattern } from "../base/name_pattern.ts";
import { namesHere } from "./foreign_names.ts";

/** Where a user finds all names. */
const LISTED = {
  activation: "activationNames(model.config) lists all",
  "activation or weight": "activationNames(model.config) and weightNames(model.config) list all",
};

/**
 * The names that a pattern means, at least one.
 *
 * @param action what cannot be done otherwise: `generate`
 * @param pattern a name in which `*` stands for any characters
 * @param names all that there are
 * @param what they are names of
 * @throws {RangeError} if there is none
 */
export function matchingNames(
  action: string,
  pattern: string,
  names: readonly string[],
  what: "activation" | "activation or weight",
): string[] {
  const found = namesOf(pattern, names);
  if (found.length > 0) return found;
  const here = namesHere(pattern).filter((name) => namesOf(name, names).length > 0);
  const nearest = nearestNames(pattern, names).map((name) => `"${name}"`);
  const advice = lacksBlock(pattern, names)
    ? `The last block of this model is ${numBlocks(names) - 1}. `
    : here.length > 0
    ? `Here that is called ${here.map((name) => `"${name}"`).join(", ")}. `
    : nearest.length > 0
    ? `Did you mean ${nearest.join(" or ")}? `
    : "";
  throw new InvalidArgumentError(
    `Cannot ${action}: there is no such ${what}: received ${describe(pattern)}. ` +
      `${advice}${LISTED[what]}; docs/activations.md says what others call them; ` +
      "* stands for any characters, and alone for all.",
  );
}

function namesOf(pattern: string, names: readonly string[]): string[] {
  return names.filter(namePattern(pattern));
}

/** Whether it is about a block that there is not. */
function lacksBlock(pattern: string, names: readonly string[]): boolean {
  const [, block] = /^(?:blocks|transformer\.h|h)\.(\d+)\b/.exec(pattern) ?? [];
  return block !== undefined && Number(block) >= numBlocks(names);
}

function numBlocks(names: readonly string[]): number {
  const blocks = names.map((name) => Number(/^blocks\.(\d+)\./.exec(name)?.[1] ?? -1));
  return Math.max(...blocks) + 1;
}

/** Names that somebody may have meant: ones that are spelt alike, or those that have its last part. */
function nearestNames(pattern: string, names: readonly string[]): string[] {
  const ofAnyBlock = [...new Set(names.map((name) => name.replace(/^blocks\.\d+/, "blocks.*")))];
  const inBlock = /^blocks\.\d+\./.test(pattern);
  const known = inBlock ? names : ofAnyBlock;
  const last = pattern.split(".").at(-1)!;
  const ending = ofAnyBlock.filter((name) => name.endsWith(`.${last}`) || name === last);
  const byLastPart = closestName(last, ofAnyBlock.map((name) => name.split(".").at(-1)!));
  const found = [
    closestName(pattern, known),
    ...ending,
    ...ofAnyBlock.filter((name) => name.split(".").at(-1) === byLastPart),
  ];
  return [...new Set(found.filter((name) => name !== undefined))].slice(0, 3);
}
