/**
 * Which of two customs a long text is read by, to measure perplexity: their numbers differ, so a result names its own.
 *
 * @module
 */
import { integer, type OptionRules } from "../base/check_options.ts";
import { InvalidArgumentError } from "../base/errors.ts";
import { halfScoredChunks, slidingWindows, type Window } from "./windows.ts";

/** How a text is read: Hugging Face's way, or with `chunk` llama.cpp's. */
export interface WindowOptions {
  /** How many tokens the windows of Hugging Face's way are apart. Default: half of their length. */
  stride?: number;
  /** How many tokens a window of Hugging Face's way has. Default: the context length. */
  maxLength?: number;
  /** Reads the text as llama.cpp does: in chunks of so many tokens, of each of which the second half counts. */
  chunk?: number;
}

/** How a text was read, with the name of whoever defines it so. */
export type WindowDefinition =
  | { readonly definition: "hugging-face"; readonly maxLength: number; readonly stride: number }
  | { readonly definition: "llama.cpp"; readonly chunk: number };

/** A text has too few tokens for one to count. */
export class ShortTextError extends InvalidArgumentError {}

/** The rules for {@linkcode WindowOptions}. */
export const windowRules: OptionRules<WindowOptions> = {
  stride: integer(1),
  maxLength: integer(2),
  chunk: integer(3),
};

/**
 * How a text is to be read.
 *
 * @param action what cannot be done otherwise
 * @param contextLength of the model; of several, the least
 * @throws {RangeError} if the model cannot read it so, or two ways are asked for
 */
export function windowDefinition(
  action: string,
  { chunk, maxLength, stride }: WindowOptions,
  contextLength: number,
): WindowDefinition {
  if (chunk !== undefined) {
    const [other, value] = stride !== undefined ? ["`stride`", stride] : ["maxLength", maxLength];
    if (value !== undefined) {
      throw new InvalidArgumentError(
        `Cannot ${action} in two ways: \`chunk\` is llama.cpp's, ${other} Hugging Face's: ` +
          `received ${chunk} and ${value}. Leave one out.`,
      );
    }
    requireAtMost(action, "chunk", chunk, contextLength);
    return { definition: "llama.cpp", chunk };
  }
  const length = maxLength ?? contextLength;
  requireAtMost(action, "maxLength", length, contextLength);
  const apart = stride ?? Math.ceil(length / 2);
  if (apart > length) {
    throw new InvalidArgumentError(
      `Cannot ${action}: stride must be at most the ${length} tokens of a window: received ${apart}.`,
    );
  }
  return { definition: "hugging-face", maxLength: length, stride: apart };
}

function requireAtMost(action: string, name: string, value: number, contextLength: number): void {
  if (value <= contextLength) return;
  throw new InvalidArgumentError(
    `Cannot ${action}: ${name} must be at most the context length, ${contextLength}: received ${value}.`,
  );
}

/**
 * The windows of a text in which a token counts.
 *
 * @param action what cannot be done otherwise
 * @param numBefore how many of the tokens are not of the text itself, and precede it
 * @throws {ShortTextError} if there is none
 */
export function windowsFor(
  action: string,
  numTokens: number,
  definition: WindowDefinition,
  numBefore = 0,
): Window[] {
  const windows = definition.definition === "llama.cpp"
    ? halfScoredChunks(numTokens, definition.chunk)
    : slidingWindows(numTokens, definition.maxLength, definition.stride);
  // Nothing precedes the first token of a window.
  const counting = windows.map(({ start, firstScored, end }) => ({
    start,
    firstScored: Math.max(firstScored, start + 1),
    end,
  })).filter(({ firstScored, end }) => firstScored < end).toArray();
  if (counting.length > 0) return counting;
  const [needed, advice] = definition.definition === "llama.cpp"
    ? [definition.chunk, "a longer one, or a smaller chunk"]
    : [2, "a longer one"];
  const least = needed - numBefore;
  throw new ShortTextError(
    `Cannot ${action}: the text must have at least ${least} token${least === 1 ? "" : "s"}: ` +
      `received ${numTokens - numBefore}. Give ${advice}.`,
  );
}

/** How many tokens count in windows. */
export function numScoredIn(windows: readonly Window[]): number {
  return windows.reduce((sum, { firstScored, end }) => sum + end - firstScored, 0);
}
