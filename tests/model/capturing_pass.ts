/** A pass that keeps a copy of every activation. */
import { FullPass } from "./full_pass.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { copy } from "../../src/tensor/views.ts";

export class CapturingPass extends FullPass {
  /** The copies by name; readable after a run. */
  readonly activations = new Map<string, Tensor>();

  override observe(name: string, activation: Tensor): Tensor {
    this.activations.set(name, this.graph.output(copy(activation)));
    return activation;
  }
}
