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

/** Which logits of a text count. */
export interface LogitPlace {
  /** After which position, from 0. */
  readonly position: number;
  /** The token. */
  readonly answer: number;
  /** The one whose logit is subtracted, if there is one. */
  readonly against: number | undefined;
}

/** The logit of a token, less that of another one, after one position of each text; summed over the texts. */
export class LogitDifference implements Measure {
  readonly #places: readonly LogitPlace[];

  /** @param places one in each text */
  constructor(places: readonly LogitPlace[]) {
    this.#places = places;
  }

  build(graph: Graph, logits: Tensor): Measured {
    const [batch, seq, vocab] = logits.shape;
    const rows = graph.input([batch], "i32", "rows");
    const signs = graph.input([batch, vocab], "f32", "signs");
    const chosen = lookup(rearrange(logits, "batch seq vocab -> (batch seq) vocab"), rows);
    return {
      value: reduce(multiply(chosen, signs), "batch vocab ->", "sum"),
      write: (group) => {
        const places = group.map((text) => this.#places[text]);
        graph.write(rows, Int32Array.from(places, ({ position }, i) => i * seq + position));
        const values = new Float32Array(batch * vocab);
        places.forEach(({ answer, against }, i) => {
          values[i * vocab + answer] = 1;
          if (against !== undefined) values[i * vocab + against] = -1;
        });
        graph.write(signs, values);
      },
    };
  }
}
