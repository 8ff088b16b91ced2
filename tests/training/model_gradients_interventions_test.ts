import { assert, assertAlmostEquals } from "@std/assert";
import type { CapturedActivations } from "../../src/engine/activation_record.ts";
import type { InterventionFunction, Interventions } from "../../src/engine/intervention.ts";
import { ablate, replace } from "../../src/inspect.ts";
import type { GPT2 } from "../../src/gpt2.ts";
import { activationNames } from "../../src/model/activation_sites.ts";
import { silu } from "../../src/tensor/activations.ts";
import {
  add,
  contiguous,
  copy,
  matmul,
  multiply,
  permute,
  pick,
  rearrange,
  reduce,
  repeat,
  reshape,
  scale,
  slice,
  softmax,
  splitAxis,
  square,
  squareRoot,
  sumLastAxis,
  topK,
} from "../../src/ops.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { createTrainingModel, readTrainingCase, relativeError } from "./reference.ts";

/** Of a slope that is measured over a short way: the loss is rounded, and curved. */
const SLOPE_TOLERANCE = 1e-2;

const { tokens } = readTrainingCase("tied");

Deno.test("gradients() say what becomes of the loss when an activation is changed", async () => {
  using model = createTrainingModel("tied");
  const text = tokens[0].slice(0, 6);
  const { gradients } = await model.gradients(text, { of: ["*"] });
  for (const name of activationNames(model.config)) {
    await compareSlope(model, text, name, gradients);
  }
});

Deno.test("gradients() go through an intervention in the logits, over which gradients are written", async () => {
  using model = createTrainingModel("tied");
  const text = tokens[0].slice(0, 6);
  const intervene = { logits: (x: Tensor) => squareRoot(scale(square(x), 1, 1)) };
  const { gradients } = await model.gradients(text, { of: ["finalNorm"], intervene });
  await compareSlope(model, text, "finalNorm", gradients, intervene);
});

Deno.test("gradients() go through interventions of views, largest elements, tables and products", async () => {
  using model = createTrainingModel("tied");
  const text = tokens[0].slice(0, 6);
  const interventions: Record<string, (x: Tensor) => Tensor> = {
    // The first half of the stream, twice.
    "slice, concatenated by repeat": (x) => {
      const half = slice(x, 2, 0, 16);
      return rearrange(
        repeat(copy(half), "b s e -> b s two e", { two: 2 }),
        "b s t e -> b s (t e)",
      );
    },
    "permute and reshape": (x) => {
      const turned = permute(splitAxis(x, 2, [4, 8]), [0, 1, 3, 2]);
      return reshape(contiguous(turned), x.shape);
    },
    "the largest, and a product": (x) => {
      const largest = reduce(x, "b s e -> b s 1", "max");
      const parts = reduce(scale(x, 0.5, 1), "b s (e two) -> b s e", "prod", { two: 2 });
      return multiply(x, add(largest, reduce(parts, "b s e -> b s 1", "mean")));
    },
    "matmul with itself": (x) => {
      const scores = matmul(x, x);
      return add(x, scale(matmul(copy(permute(x, [0, 2, 1])), softmax(scores)), 0.5));
    },
    "pick of the two largest": (x) => {
      const rows = reshape(x, [6, 32]);
      const two = sumLastAxis(pick(rows, topK(rows, 2)));
      return reshape(multiply(rows, two), x.shape);
    },
  };
  for (const [what, intervention] of Object.entries(interventions)) {
    const intervene = { "blocks.1.residual": intervention };
    const { gradients } = await model.gradients(text, { of: ["blocks.0.residual"], intervene });
    await compareSlope(model, text, "blocks.0.residual", gradients, intervene, what);
  }
});

/** Changes the element of an activation with the largest gradient, and compares the change of the loss. */
async function compareSlope(
  model: GPT2,
  text: readonly number[],
  name: string,
  gradients: CapturedActivations,
  intervene: Interventions = {},
  what = name,
): Promise<void> {
  const { data, shape } = gradients.get(name)!;
  const steepest = data.reduce(
    (best, value, i) => Math.abs(value) > Math.abs(data[best]) ? i : best,
    0,
  );
  const [row, column] = [Math.floor(steepest / shape.at(-1)!), steepest % shape.at(-1)!];
  const targets = [...text.slice(1), -100];
  const lossWith = async (change: number) => {
    const changed: InterventionFunction = (x, { input }) => {
      // There may be more keys than the text has.
      const at = row * x.shape.at(-1)! + column;
      return add(x, input(x.shape, () => new Float32Array(x.size).with(at, change)));
    };
    const both = { ...intervene, [name]: changed };
    return (await model.forward(text, { targets, intervene: both })).loss!;
  };
  const width = 1e-2;
  const slope = (await lossWith(width) - await lossWith(-width)) / (2 * width);
  assertAlmostEquals(slope / data[steepest], 1, SLOPE_TOLERANCE, what);
}

Deno.test("gradients() are those of what interventions make of a text, and capture shows that", async () => {
  using model = createTrainingModel("tied");
  const other = tokens[1];
  const { activations } = await model.forward(other, { capture: ["blocks.0.mlp.output"] });
  const intervene = {
    "blocks.0.mlp.output": replace(activations!.get("blocks.0.mlp.output")!, { positions: [3] }),
    "blocks.1.attention.attended": ablate({ heads: [1] }),
    logits: (x: Tensor) => silu(x),
  };
  const capture = ["blocks.0.mlp.output", "logits"];
  const of = ["blocks.0.mlp.output", "blocks.1.attention.value", "logits"];
  const found = await model.gradients(tokens[0], { of, intervene, capture });
  const next = [...tokens[0].slice(1), -100];
  const { loss, activations: expected } = await model.forward(tokens[0], {
    targets: next,
    intervene,
    capture,
  });
  assertAlmostEquals(found.value, loss!, 2e-6);
  for (const name of capture) {
    const error = relativeError(found.activations!.get(name)!.data, expected!.get(name)!.data);
    assert(error <= 1e-5, `${name}: ${error}`);
  }
  // An ablated head has nothing to say.
  const { data, shape: [, , seq, width] } = found.gradients.get("blocks.1.attention.value")!;
  const [first, second] = [0, 1].map((head) =>
    data.subarray(head * seq * width, (head + 1) * seq * width)
  );
  assert(first.some((x) => x !== 0));
  assert(second.every((x) => x === 0));
  // Rows of softmax(logits) - target sum to 0.
  const logits = found.gradients.get("logits")!;
  const row = logits.data.subarray(0, logits.shape[2]);
  assertAlmostEquals(row.reduce((sum, x) => sum + x, 0), 0, 1e-6);
});

Deno.test("gradients() are 0 of what an intervention has cut off", async () => {
  using model = createTrainingModel("tied");
  const { activations } = await model.forward(tokens[0], { capture: ["blocks.0.mlp.output"] });
  const mean = activations!.get("blocks.0.mlp.output")!;
  const intervene = { "blocks.0.mlp.output": ablate({ mean }) };
  const of = ["blocks.0.mlp.hidden", "blocks.0.hiddenProjection.weight", "blocks.1.residual"];
  const { gradients } = await model.gradients(tokens[0], { of, intervene });
  assert(gradients.get("blocks.0.mlp.hidden")!.data.every((x) => x === 0));
  assert(gradients.get("blocks.0.hiddenProjection.weight")!.data.every((x) => x === 0));
  assert(gradients.get("blocks.1.residual")!.data.some((x) => x !== 0));
});
