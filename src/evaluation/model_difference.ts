/**
 * How far a model is from another one, over a text.
 *
 * @module
 */
import type { LogitsDifference } from "./compare_logits.ts";
import { type Estimate, exponential, Mean, quantile, share } from "./estimate.ts";

/** Kullback-Leibler divergences at all places, in nats: their mean, and how large they are at most at a part of the places. */
export interface DivergenceStatistics {
  /** The mean. */
  readonly mean: Estimate;
  /** At half of the places. */
  readonly median: number;
  /** At 90 % of them. */
  readonly percentile90: number;
  /** At 95 % of them. */
  readonly percentile95: number;
  /** At 99 % of them. */
  readonly percentile99: number;
  /** At 99.9 % of them. */
  readonly percentile99_9: number;
  /** At all of them. */
  readonly max: number;
}

/** How far a model is from another one, the base, over a text: the statistics of `llama-perplexity --kl-divergence`. */
export interface ModelDifference {
  /** The logarithm of the ratio of both perplexities. */
  readonly logPerplexityRatio: Estimate;
  /** The ratio of the model's perplexity to that of the base. */
  readonly perplexityRatio: Estimate;
  /** How far the model's probabilities are from those of the base. */
  readonly divergence: DivergenceStatistics;
  /** At which part of the places both find the same token the likeliest. */
  readonly sameTop: Estimate;
  /** By how much the probability of the right token is higher, in the mean. */
  readonly probabilityChange: Estimate;
  /** The root of the mean square of that. */
  readonly rmsProbabilityChange: Estimate;
}

/** Collects what is said of each place, for the statistics of all. It keeps 4 bytes for each. */
export class DifferenceCollector {
  readonly #baseLosses = new Mean();
  readonly #losses = new Mean();
  readonly #lossChanges = new Mean();
  readonly #divergence = new Mean();
  readonly #changes = new Mean();
  readonly #squaredChanges = new Mean();
  readonly #divergences: Float32Array;
  #numSameTop = 0;

  /** @param numPlaces how many there will be */
  constructor(numPlaces: number) {
    this.#divergences = new Float32Array(numPlaces);
  }

  /** Takes in a place. */
  add({ baseLogProbability, logProbability, divergence, hasSameTop }: LogitsDifference): void {
    // It is never below 0 but for rounding.
    const distance = Math.max(0, divergence);
    this.#divergences[this.#divergence.count] = distance;
    this.#divergence.add(distance);
    this.#baseLosses.add(-baseLogProbability);
    this.#losses.add(-logProbability);
    // The error of their mean is that of both means, less what they have in common.
    this.#lossChanges.add(baseLogProbability - logProbability);
    const change = Math.exp(logProbability) - Math.exp(baseLogProbability);
    this.#changes.add(change);
    this.#squaredChanges.add(change * change);
    if (hasSameTop) this.#numSameTop++;
  }

  /** The mean negative log-probability of a token by the base. */
  get baseLoss(): Estimate {
    return this.#baseLosses.estimate;
  }

  /** And by the model. */
  get loss(): Estimate {
    return this.#losses.estimate;
  }

  /** The statistics of all places so far. */
  get difference(): ModelDifference {
    const { count } = this.#divergence;
    const sorted = this.#divergences.slice(0, count).sort();
    const logPerplexityRatio = this.#lossChanges.estimate;
    const meanSquare = this.#squaredChanges.estimate;
    const rms = Math.sqrt(meanSquare.value);
    return {
      logPerplexityRatio,
      perplexityRatio: exponential(logPerplexityRatio),
      divergence: {
        mean: this.#divergence.estimate,
        median: quantile(sorted, 0.5),
        percentile90: quantile(sorted, 0.9),
        percentile95: quantile(sorted, 0.95),
        percentile99: quantile(sorted, 0.99),
        percentile99_9: quantile(sorted, 0.999),
        max: quantile(sorted, 1),
      },
      sameTop: share(this.#numSameTop, count),
      probabilityChange: this.#changes.estimate,
      rmsProbabilityChange: {
        value: rms,
        error: rms > 0 || count === 1 ? meanSquare.error / (2 * rms) : 0,
      },
    };
  }
}
