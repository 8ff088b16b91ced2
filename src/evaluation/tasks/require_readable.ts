/**
 * Whether a model can read questions at all, before the first is asked: a run that ends in the middle has been in vain.
 *
 * @module
 */
import { describe, quote } from "../../base/describe.ts";
import { doInTurns } from "../../base/event_loop.ts";
import { UnknownCharacterError } from "../../tokenizer/unknown_character_error.ts";
import type { EvaluatedModel } from "../evaluated_model.ts";
import { numContinuationTokens } from "../score_continuations.ts";
import { lineError } from "./fields.ts";
import type { TaskItem } from "./task.ts";

/**
 * Requires that each continuation has a token of its own, no more of them than the model reads, and only characters that its
 * tokenizer knows.
 *
 * @param path of the file with the questions, for the message
 * @throws {FileFormatError} that names the line, if one has not
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export async function requireReadable(
  items: readonly TaskItem[],
  model: EvaluatedModel,
  path: string,
  signal?: AbortSignal,
): Promise<void> {
  await doInTurns(items.values().map((item) => requireReadableItem(item, model, path)), signal);
}

function requireReadableItem(
  { line, contexts, continuations }: TaskItem,
  { tokenizer, config: { contextLength } }: EvaluatedModel,
  path: string,
): void {
  for (const context of contexts) {
    for (const [i, continuation] of continuations.entries()) {
      const what = continuations.length === 1 ? "what is to follow" : `choice ${i}`;
      const refuse = (problem: string, received: string) => {
        throw lineError(path, line, problem, received, "Leave the line out, or correct it.");
      };
      try {
        const count = numContinuationTokens(tokenizer, context, continuation, "all");
        if (count < 1) {
          refuse(`${what} has no token behind the context`, describe(continuation));
        }
        if (count > contextLength) {
          refuse(
            `${what} has more than the ${contextLength} tokens that the model reads`,
            `${count}`,
          );
        }
      } catch (error) {
        if (!(error instanceof UnknownCharacterError)) throw error;
        refuse("the model has no token for a character", quote(error.character));
      }
    }
  }
}
