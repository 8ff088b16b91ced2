/**
 * What the last residual stream is the sum of.
 *
 * @module
 */
import { einsum } from "../einops/einops.ts";
import type { CapturedActivations } from "../engine/activation_record.ts";
import type { Engine } from "../engine/engine.ts";
import { adaptParameters } from "../model/adapt_parameters.ts";
import type { Linear } from "../model/parameters.ts";
import type { Weights } from "../model/weights.ts";
import { Graph } from "../tensor/graph.ts";
import { add, scale } from "../tensor/elementwise.ts";
import { lookup } from "../tensor/tables.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What adds to the residual stream. */
export type ResidualPartKind =
  | "tokenEmbedding"
  | "positionEmbedding"
  | "head"
  | "outputBias"
  | "mlp";

/** Something that adds to the residual stream, and what it adds at one position. */
export interface ResidualPart {
  /** What kind of thing it is; `outputBias` is that of the projection after a block's heads. */
  readonly kind: ResidualPartKind;
  /** What it is called, in the words of the model: `blocks.3.attention.heads.5`, `blocks.3.mlp`. */
  readonly name: string;
  /** The index of its block, if it is in one. */
  readonly layer?: number;
  /** Which head, if it is one. */
  readonly head?: number;
  /** (embed) */
  readonly data: Float32Array;
}

/** What has to be captured at the position for {@linkcode residualParts}. */
export const capturedParts: readonly string[] = [
  "blocks.*.attention.attended",
  "blocks.*.mlp.output",
];

/**
 * Takes the last residual stream apart: into the embeddings, and what each head and each MLP has added. The output of all
 * heads of a block is one product; that of a head is the same product with the others zeroed.
 *
 * @param activations {@linkcode capturedParts} at one position
 * @param token what stands there
 * @param position where that is
 */
export async function residualParts(
  engine: Engine,
  activations: CapturedActivations,
  token: number,
  position: number,
  signal?: AbortSignal,
): Promise<ResidualPart[]> {
  const { weights, backend, config: { numHeads, embeddingDim } } = engine.model;
  const { adapters } = engine;
  adapters?.checkUsable();
  const { tokenEmbedding, positionEmbedding, blocks } = adaptParameters(
    weights.parameters,
    adapters?.updates ?? new Map(),
  );
  const attendedOf = (layer: number) => activations.get(`blocks.${layer}.attention.attended`)!.data;

  return await engine.betweenPasses(async () => {
    using graph = new Graph(backend);
    const tokenId = graph.input([1], "i32", "token");
    const positionId = graph.input([1], "i32", "position");
    const fromToken = graph.output(lookup(tokenEmbedding, tokenId));
    const fromPosition = graph.output(lookup(positionEmbedding, positionId));
    const fromHeads = blocks.map(({ layer, outputProjection }) => {
      const x = graph.constant([numHeads, embeddingDim / numHeads], attendedOf(layer));
      return graph.output(eachHead(x, outputProjection, graph));
    });
    graph.allocate();
    graph.write(tokenId, Int32Array.of(token));
    graph.write(positionId, Int32Array.of(position));
    await graph.computeAsync(signal);

    const parts: ResidualPart[] = [
      { kind: "tokenEmbedding", name: "tokenEmbedding", data: graph.readF32(fromToken) },
      { kind: "positionEmbedding", name: "positionEmbedding", data: graph.readF32(fromPosition) },
    ];
    for (const { layer } of blocks) {
      const name = `blocks.${layer}`;
      const heads = graph.readF32(fromHeads[layer]);
      for (let head = 0; head < numHeads; head++) {
        const data = heads.subarray(head * embeddingDim, (head + 1) * embeddingDim);
        parts.push({ kind: "head", name: `${name}.attention.heads.${head}`, layer, head, data });
      }
      const bias = `${name}.outputProjection.bias`;
      parts.push({ kind: "outputBias", name: bias, layer, data: readVector(weights, bias) });
      const { data } = activations.get(`${name}.mlp.output`)!;
      parts.push({ kind: "mlp", name: `${name}.mlp`, layer, data });
    }
    return parts;
  });
}

/** A bias, or the weight of a norm: these are F32 in every model, and never packed. */
export function readVector(weights: Weights, name: string): Float32Array {
  return new Float32Array(weights.read(name)!.buffer);
}

/**
 * What the output projection makes of each head.
 *
 * @param attended (heads head_dim)
 * @returns (heads embed)
 */
function eachHead(attended: Tensor, { weight, updates = [] }: Linear, graph: Graph): Tensor {
  const [numHeads] = attended.shape;
  const identity = Float32Array.from(
    { length: numHeads * numHeads },
    (_, i) => Number(i % (numHeads + 1) === 0),
  );
  const alone = einsum(
    attended,
    graph.constant([numHeads, numHeads], identity),
    "heads head_dim, row heads -> row (heads head_dim)",
  );
  let y = einsum(alone, weight, "row in, out in -> row out");
  for (const { down, up, factor } of updates) {
    const narrow = scale(einsum(alone, down, "row in, rank in -> row rank"), factor);
    y = add(y, einsum(narrow, up, "row rank, out rank -> row out"));
  }
  return y;
}
