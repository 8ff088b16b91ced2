/**
 * Checks what a function of einops was called with, before its pattern is read.
 *
 * @module
 */
import { describe } from "../base/describe.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { AxisSizes, Call } from "./sizes.ts";

/**
 * The call, as what plans are made of.
 *
 * @throws {TypeError} if an argument is of another type than declared
 */
export function checkedCall(
  caller: string,
  tensors: readonly Tensor[],
  pattern: string,
  axes: AxisSizes,
): Call {
  if (typeof pattern !== "string") {
    throw wrongType(caller, "the pattern is not a string", pattern, 'Write it as in "a b -> b a".');
  }
  if (tensors.length === 0) {
    throw wrongType(caller, "there is no tensor", pattern, "Pass the tensors before the pattern.");
  }
  for (const x of tensors) {
    if (x instanceof Tensor) continue;
    throw wrongType(
      caller,
      "this is not a Tensor",
      x,
      "Get one from graph.input() or an operation.",
    );
  }
  if (typeof axes !== "object" || axes === null || Array.isArray(axes)) {
    throw wrongType(caller, "the sizes are not an object", axes, "Pass them as { heads: 12 }.");
  }
  for (const [name, size] of Object.entries(axes)) {
    if (typeof size === "number") continue;
    const problem = `the size of "${name}" is not a number`;
    throw wrongType(caller, problem, size, `Pass it as { ${name}: 12 }.`);
  }
  return { caller, pattern, shapes: tensors.map(({ shape }) => shape), axes };
}

function wrongType(caller: string, problem: string, received: unknown, advice: string): TypeError {
  return new TypeError(`Cannot ${caller}: ${problem}: received ${describe(received)}. ${advice}`);
}
