/**
 * Answering the questions of a benchmark.
 *
 * @module
 */
import { InvalidArgumentError } from "../../base/errors.ts";
import type { EvaluatedModel } from "../evaluated_model.ts";
import type { ContinuationScore, ScoreContinuationsOptions } from "../score_continuations.ts";
import { sideBySide } from "../side_by_side.ts";
import { type ItemResult, itemResult } from "./item_result.ts";
import type { TaskItem } from "./task.ts";
import { type TaskName, tasks } from "./tasks.ts";

/** So many characters make a token, at least: on average there are four. */
const MIN_TOKEN_CHARACTERS = 2;

/** What {@linkcode evaluateItems} uses of a `GPT2`. */
export interface AnsweringModel extends EvaluatedModel {
  /** How likely continuations of a prompt are. */
  scoreContinuations(
    prompt: string,
    continuations: readonly string[],
    options?: ScoreContinuationsOptions,
  ): Promise<ContinuationScore[]>;
}

/** Options of {@linkcode evaluateItems}. */
export interface EvaluateItemsOptions {
  /** Stops the work with an `AbortError`. */
  signal?: AbortSignal;
}

/**
 * Has a model answer questions. Several are read side by side; the results come in the order of the questions.
 *
 * Scored as lm-evaluation-harness does it with a model of Hugging Face, without examples before the question: see
 * `GPT2.scoreContinuations()`. Special tokens in the texts are recognized.
 *
 * @param items asked for when there is room
 * @throws {RangeError} if a continuation has more tokens than the context
 * @throws {TypeError} if the model has no tokenizer
 * @throws {NumericalError} if the model computes something that is not a number
 * @throws {DOMException} `AbortError` (or the signal's own reason)
 */
export function evaluateItems(
  model: AnsweringModel,
  name: TaskName,
  items: Iterable<TaskItem>,
  { signal }: EvaluateItemsOptions = {},
): AsyncGenerator<ItemResult, void, undefined> {
  const { metrics } = tasks[name];
  const numRows = (item: TaskItem) => cacheRows(item, model.config.contextLength);
  return sideBySide(items, numRows, async (item, signal) => {
    const options: ScoreContinuationsOptions = { allowSpecial: "all", signal };
    try {
      const scores = await Promise.all(
        item.contexts.map((context) =>
          model.scoreContinuations(context, item.continuations, options)
        ),
      );
      return itemResult(item, scores.flat(), metrics);
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      throw new InvalidArgumentError(`${error.message} Check line ${item.line}.`, { cause: error });
    }
  }, signal);
}

/** How many rows of the cache a question takes, about: as many as its longest text has tokens, for each, and for each context. */
function cacheRows({ contexts, continuations }: TaskItem, contextLength: number): number {
  const longest = (texts: readonly string[]) => Math.max(...texts.map(({ length }) => length));
  const numCharacters = longest(contexts) + longest(continuations);
  const length = Math.min(contextLength, Math.ceil(numCharacters / MIN_TOKEN_CHARACTERS));
  return contexts.length * (1 + continuations.length) * length;
}
