/**
 * How fast the operations of training are, one at a time: GFLOP/s of products and attention, GB/s of what only reads and writes.
 *
 *     deno run -A scripts/bench_training_kernels.ts [--threads 2] [word ...]
 *
 * Words select lines that contain one of them.
 *
 * @module
 */
import { Backend } from "../src/tensor/backend.ts";
import { Graph } from "../src/tensor/graph.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import { activationGradient } from "../src/tensor/training/activation_gradient.ts";
import { adamW } from "../src/tensor/training/adam_w.ts";
import { addRowsAt } from "../src/tensor/training/add_rows_at.ts";
import {
  causalAttention,
  causalAttentionGradients,
} from "../src/tensor/training/causal_attention.ts";
import { crossEntropy, crossEntropyGradient } from "../src/tensor/training/cross_entropy.ts";
import { dropout } from "../src/tensor/training/dropout.ts";
import { layerNormGradients } from "../src/tensor/training/layer_norm_gradients.ts";
import { productWithRows } from "../src/tensor/training/product_with_rows.ts";
import { stridedProduct } from "../src/tensor/training/strided_product.ts";
import { sumOfSquares } from "../src/tensor/training/sum_of_squares.ts";
import { sumOverRows } from "../src/tensor/training/sum_over_rows.ts";
import { permute } from "../src/tensor/views.ts";
import { parseFlags } from "./parse_flags.ts";

/** An operation to be measured. */
interface Line {
  readonly name: string;
  /** Of f32, if nothing else is said. */
  readonly inputs: readonly { shape: number[]; dtype?: "f32" | "i32"; below?: number }[];
  readonly build: (...inputs: Tensor[]) => Tensor;
  /** Floating-point operations, or bytes read and written. */
  readonly work: number;
  readonly unit: "GFLOP/s" | "GB/s";
}

/** Rows of tokens, width, width of the MLP, padded vocabulary. */
const SIZES = {
  "GPT-2 124M 4 x 64": { batch: 4, seq: 64, embed: 768, heads: 12, vocab: 50304 },
  "GPT-2 124M 1 x 1024": { batch: 1, seq: 1024, embed: 768, heads: 12, vocab: 50304 },
  "demo 16 x 256": { batch: 16, seq: 256, embed: 256, heads: 4, vocab: 1024 },
  "nano 12 x 64": { batch: 12, seq: 64, embed: 128, heads: 4, vocab: 96 },
};

function linesFor(model: string, sizes: (typeof SIZES)[keyof typeof SIZES]): Line[] {
  const { batch, seq, embed, heads, vocab } = sizes;
  const rows = batch * seq;
  const pairs: [string, number, number][] = [
    ["qkv", 3 * embed, embed],
    ["output", embed, embed],
    ["up", 4 * embed, embed],
    ["down", embed, 4 * embed],
    ["logits", vocab, embed],
  ];
  const lines: Line[] = [];
  for (const precision of ["f32", "bf16"] as const) {
    for (const [what, out, inner] of pairs) {
      const line = (
        direction: string,
        shapes: number[][],
        build: (a: Tensor, b: Tensor) => Tensor,
      ) =>
        lines.push({
          name: `${model} ${precision} ${direction} ${what}`,
          inputs: shapes.map((shape) => ({ shape })),
          build,
          work: 2 * rows * out * inner,
          unit: "GFLOP/s",
        });
      const turned = (x: Tensor) => permute(x, [1, 0]);
      line(
        "nt",
        [[out, inner], [rows, inner]],
        (weight, x) => stridedProduct(weight, x, precision),
      );
      line(
        "nn",
        [[out, inner], [rows, out]],
        (weight, g) => stridedProduct(turned(weight), g, precision),
      );
      line(
        "tn",
        [[rows, inner], [rows, out]],
        (x, g) => stridedProduct(turned(x), turned(g), precision),
      );
    }
  }
  lines.push({
    name: `${model} f32 nn rows of an f32 weight`,
    inputs: [{ shape: [3 * embed, embed] }, { shape: [rows, 3 * embed] }],
    build: (weight, g) => productWithRows(weight, g, "f32"),
    work: 6 * rows * embed ** 2,
    unit: "GFLOP/s",
  });
  const block = { shape: [batch, seq, heads, embed / heads] };
  const turned = (x: Tensor) => permute(x, [0, 2, 1, 3]);
  // Two products forward and five back, of which half is seen.
  const attention = batch * seq * seq * embed * 2 / 2;
  lines.push({
    name: `${model} attention`,
    inputs: [block, block, block],
    build: (q, k, v) => causalAttention(turned(q), turned(k), turned(v), 0.1).output,
    work: 2 * attention,
    unit: "GFLOP/s",
  }, {
    name: `${model} attention gradients`,
    inputs: [block, block, block, block, { shape: [batch, heads, seq] }, block],
    build: (q, k, v, o, l, g) =>
      causalAttentionGradients(turned(q), turned(k), turned(v), turned(o), l, turned(g), 0.1)[0],
    work: 5 * attention,
    unit: "GFLOP/s",
  });
  const bytes = (name: string, inputs: Line["inputs"], build: Line["build"], numbers: number) =>
    lines.push({ name: `${model} ${name}`, inputs, build, work: 4 * numbers, unit: "GB/s" });
  const x = { shape: [rows, embed] }, wide = { shape: [rows, 4 * embed] };
  const logits = { shape: [rows, vocab] };
  const targets = { shape: [rows], dtype: "i32" as const, below: vocab };
  bytes(
    "layer norm gradients",
    [x, { shape: [embed] }, x],
    (x, weight, g) => layerNormGradients(x, weight, g, 1e-5).input,
    3 * rows * embed,
  );
  bytes(
    "gelu gradient",
    [wide, wide],
    (x, g) => activationGradient(x, g, "gelu_tanh"),
    12 * rows * embed,
  );
  bytes("sum over rows", [wide], sumOverRows, 4 * rows * embed);
  bytes(
    "dropout",
    [x, { shape: [2], dtype: "i32" }],
    (x, seed) => dropout(x, 0.1, seed, 1),
    2 * rows * embed,
  );
  bytes("cross-entropy", [logits, targets], (x, t) => crossEntropy(x, t, vocab), rows * vocab);
  bytes(
    "cross-entropy gradient",
    [logits, targets, { shape: [rows, 2] }, { shape: [1] }],
    (x, t, e, factor) => crossEntropyGradient(x, t, e, factor, vocab),
    2 * rows * vocab,
  );
  bytes(
    "add rows",
    [{ shape: [vocab, embed] }, targets, x],
    (table, ids, x) => addRowsAt(table, ids, x, vocab),
    3 * rows * embed,
  );
  const weight = { shape: [vocab, embed] };
  bytes("sum of squares", [weight], sumOfSquares, vocab * embed);
  bytes(
    "AdamW",
    [weight, weight, weight, weight, { shape: [8] }, { shape: [1] }],
    adamW,
    7 * vocab * embed,
  );
  return lines;
}

/** The shortest of several runs, in seconds. */
function measure(backend: Backend, { inputs, build }: Line): number {
  using graph = new Graph(backend);
  const tensors = inputs.map(({ shape, dtype = "f32" }, i) => graph.input(shape, dtype, `x${i}`));
  graph.expand(build(...tensors));
  graph.allocate();
  inputs.forEach(({ dtype, below = 1 }, i) => {
    const { size } = tensors[i];
    graph.write(
      tensors[i],
      dtype === "i32"
        ? Int32Array.from({ length: size }, (_, at) => at * 7919 % below)
        : new Float32Array(size).map((_, at) => (at * 31 % 101 - 50) / 100),
    );
  });
  let best = Infinity;
  const end = performance.now() + 300;
  for (let run = 0; run < 3 || (performance.now() < end && run < 200); run++) {
    const start = performance.now();
    graph.compute();
    best = Math.min(best, performance.now() - start);
  }
  return best / 1000;
}

const { values, arguments: words } = parseFlags(
  Deno.args,
  { values: ["threads"], numArguments: 20 },
);
using backend = Backend.cpu({ threads: Number(values.threads ?? 2) });
for (const [model, sizes] of Object.entries(SIZES)) {
  for (const line of linesFor(model, sizes)) {
    if (words.length > 0 && !words.some((word) => line.name.includes(word))) continue;
    const seconds = measure(backend, line);
    const speed = (line.work / seconds / 1e9).toFixed(1);
    console.log(
      `${line.name.padEnd(50)} ${(1000 * seconds).toFixed(3).padStart(9)} ms ${
        speed.padStart(8)
      } ${line.unit}`,
    );
  }
}
