/**
 * What gradients are of: a number for some texts of a call.
 *
 * @module
 */
import { rearrange, reduce } from "../einops/einops.ts";
import type { Graph } from "../tensor/graph.ts";
import { multiply } from "../tensor/elementwise.ts";
import { lookup } from "../tensor/tables.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { targetLoss } from "./target_loss.ts";

/** A number that is computed from logits. */
export interface Measure {
  /**
   * Adds it to a graph.
   *
   * @param logits (batch seq vocab); columns of padding may follow those of the vocabulary
   */
  build(graph: Graph, logits: Tensor): Measured;
}

/** A number in a graph. */
export interface Measured {
  /** (1); of several graphs of a call the sum counts. */
  readonly value: Tensor;
  /**
   * Writes what belongs to the texts of the next run.
   *
   * @param group which texts of the call they are
   */
  write(group: readonly number[]): void;
}

/** The mean cross-entropy of targets, in nats. */
export class MeanLoss implements Measure {
  readonly #targets: readonly (readonly number[])[];
  readonly #numTargets: number;
  readonly #vocabSize: number;

  /**
   * @param targets the token that should follow at each position of each text; `NO_TARGET` where none counts
   * @param numTargets how many of them count
   */
  constructor(targets: readonly (readonly number[])[], numTargets: number, vocabSize: number) {
    this.#targets = targets;
    this.#numTargets = numTargets;
    this.#vocabSize = vocabSize;
  }

  build(graph: Graph, logits: Tensor): Measured {
    const loss = targetLoss(graph, logits, this.#vocabSize);
    return {
      value: loss.loss,
      write: (group) => {
        const targets = group.flatMap((text) => this.#targets[text]);
        loss.write(Int32Array.from(targets), 1 / this.#numTargets);
      },
    };
  }
}

/** The logit of a token, less that of another one, after one position of each text; summed over the texts. */
export class LogitDifference implements Measure {
  readonly #positions: readonly number[];
  readonly #answer: number;
  readonly #wrong: number | undefined;

  /**
   * @param positions one in each text, from 0
   * @param answer the token
   * @param wrong the other, if there is one
   */
  constructor(positions: readonly number[], answer: number, wrong?: number) {
    this.#positions = positions;
    this.#answer = answer;
    this.#wrong = wrong;
  }

  build(graph: Graph, logits: Tensor): Measured {
    const [batch, seq, vocab] = logits.shape;
    const rows = graph.input([batch], "i32", "rows");
    const signs = new Float32Array(vocab);
    signs[this.#answer] = 1;
    if (this.#wrong !== undefined) signs[this.#wrong] = -1;
    const chosen = lookup(rearrange(logits, "batch seq vocab -> (batch seq) vocab"), rows);
    const signed = multiply(chosen, graph.constant([vocab], signs));
    return {
      value: reduce(signed, "batch vocab ->", "sum"),
      write: (group) => {
        const places = group.map((text, i) => i * seq + this.#positions[text]);
        graph.write(rows, Int32Array.from(places));
      },
    };
  }
}
