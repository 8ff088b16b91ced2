/**
 * What changes the logits of single tokens before anything is filtered, mostly because they were said before.
 *
 * Token ids outside the vocabulary may occur in the history; they cannot be generated, so nothing is done about them.
 *
 * @module
 */

/**
 * Changes logits in place.
 *
 * @param history the tokens so far: the prompt and what was generated.
 * @param numPromptTokens how many of them are the prompt.
 */
export type LogitsProcessor = (
  logits: Float32Array,
  history: ArrayLike<number>,
  numPromptTokens: number,
) => void;

/** Adds a number to the logits of some tokens; `-Infinity` bans a token. */
export function logitBias(biases: ReadonlyMap<number, number>): LogitsProcessor {
  return (logits) => {
    for (const [id, bias] of biases) logits[id] += bias;
  };
}

/**
 * Makes every token of the history less likely, however often it occurs: divides its logit by `penalty` if it is
 * positive, else multiplies it (Keskar et al. 2019, and the second half of it by Hugging Face).
 */
export function repetitionPenalty(penalty: number, vocabSize: number): LogitsProcessor {
  const isDone = new Uint8Array(vocabSize);
  return (logits, history) => {
    for (let i = 0; i < history.length; i++) {
      const id = history[i];
      if (isDone[id] !== 0) continue;
      isDone[id] = 1;
      logits[id] = logits[id] < 0 ? logits[id] * penalty : logits[id] / penalty;
    }
    for (let i = 0; i < history.length; i++) isDone[history[i]] = 0;
  };
}

/**
 * Subtracts `presence` from the logit of every token that was generated before, and `frequency` times how often it was.
 * As OpenAI defines these two, the prompt does not count.
 */
export function presenceAndFrequencyPenalty(
  presence: number,
  frequency: number,
  vocabSize: number,
): LogitsProcessor {
  const counts = new Int32Array(vocabSize);
  return (logits, history, numPromptTokens) => {
    for (let i = numPromptTokens; i < history.length; i++) counts[history[i]]++;
    for (let i = numPromptTokens; i < history.length; i++) {
      const id = history[i];
      if (counts[id] > 0) logits[id] -= presence + frequency * counts[id];
      counts[id] = 0;
    }
  };
}

/** Bans every token that would complete a sequence of `size` tokens that the history already holds (Paulus et al. 2017). */
export function noRepeatNgrams(size: number): LogitsProcessor {
  return (logits, history) => {
    const numShared = size - 1;
    const suffixStart = history.length - numShared;
    for (let start = 0; start + numShared < history.length; start++) {
      let length = 0;
      while (length < numShared && history[start + length] === history[suffixStart + length]) {
        length++;
      }
      // Adding -Infinity rather than assigning it leaves a NaN what it is, so that it is not overlooked.
      if (length === numShared) logits[history[start + numShared]] -= Infinity;
    }
  };
}

/** Bans the last token of each of some sequences where the history ends with the others: Hugging Face's `bad_words_ids`. */
export function banSequences(sequences: readonly (readonly number[])[]): LogitsProcessor {
  return (logits, history) => {
    for (const sequence of sequences) {
      const numOthers = sequence.length - 1;
      const start = history.length - numOthers;
      let length = 0;
      while (length < numOthers && history[start + length] === sequence[length]) length++;
      if (length === numOthers) logits[sequence[numOthers]] -= Infinity;
    }
  };
}

/** Bans some tokens until so many others are written: Hugging Face's `min_new_tokens`; `Infinity` bans them always. */
export function banUntil(numNewTokens: number, ids: readonly number[]): LogitsProcessor {
  return (logits, history, numPromptTokens) => {
    if (history.length - numPromptTokens >= numNewTokens) return;
    for (const id of ids) logits[id] -= Infinity;
  };
}

/** Bans all but one token for each of the first new ones: Hugging Face's `forced_bos_token_id`, for any number of them. */
export function forceStart(ids: readonly number[]): LogitsProcessor {
  return (logits, history, numPromptTokens) => {
    const numNewTokens = history.length - numPromptTokens;
    if (numNewTokens >= ids.length) return;
    const forced = ids[numNewTokens];
    const isNumber = !Number.isNaN(logits[forced]);
    for (let id = 0; id < logits.length; id++) logits[id] -= Infinity;
    // Also what was banned before.
    if (isNumber) logits[forced] = 0;
  };
}
