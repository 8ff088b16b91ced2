/**
 * The section about another model: how far its activations are from those of the one that is explained.
 *
 * @module
 */
import type { ActivationDifference } from "../../inspection/compare_activations.ts";
import { lineText } from "../terminal/terminal_text.ts";
import { bar, heading, type Line } from "./layout.ts";

/** The differences, in the order in which the activations are computed. */
export function comparisonSection(
  differences: readonly ActivationDifference[],
  other: string,
  numColumns: number,
): Line[] {
  const width = Math.max(...differences.map(({ name }) => name.length));
  const most = Math.max(...differences.map(({ relativeError }) => relativeError), 1e-12);
  const barWidth = Math.max(5, Math.min(30, numColumns - width - 30));
  return [
    ...heading(
      `How far ${lineText(other)} is from that`,
      "relative error of each activation on this text, and the largest difference",
    ),
    ...differences.map(({ name, relativeError, maxDifference }): Line => [
      `  ${name.padEnd(width)}  ${`${(100 * relativeError).toFixed(2)} %`.padStart(9)}  ${
        maxDifference.toPrecision(3).padStart(9)
      }  `,
      [bar(relativeError / most, barWidth), "accent"],
    ]),
  ];
}
