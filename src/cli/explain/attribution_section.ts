/**
 * The section about what speaks for the answer.
 *
 * @module
 */
import type { Explanation } from "../../inspection/explain.ts";
import { bar, heading, type Line, signed, tokenCell } from "./layout.ts";

const NUMBER_WIDTH = 8;
/** Of what is no part: `999 others`. */
const MIN_NAME_WIDTH = 10;
const MAX_TOKEN_WIDTH = 24;

/** The contributions that matter most, those that speak for the answer and those that speak against it. */
export function attributionSection(
  { attribution: { answer, against, logit, contributions, remainder } }: Explanation,
  numColumns: number,
  top: number,
): Line[] {
  const token = (of: typeof answer) => tokenCell(of, MAX_TOKEN_WIDTH).trimEnd();
  const sorted = contributions.toSorted((a, b) => Math.abs(b.logit) - Math.abs(a.logit));
  const shown = sorted.slice(0, top).sort((a, b) => b.logit - a.logit);
  const most = Math.max(...shown.map(({ logit }) => Math.abs(logit)));
  const nameWidth = Math.max(...shown.map(({ name }) => name.length), MIN_NAME_WIDTH);
  const half = Math.max(
    8,
    Math.min(24, Math.floor((numColumns - nameWidth - NUMBER_WIDTH - 5) / 2)),
  );
  const rest = sorted.slice(top).reduce((sum, { logit }) => sum + logit, 0);
  const row = (name: string, value: number): string =>
    `  ${name.padEnd(nameWidth)}${signed(value).padStart(NUMBER_WIDTH)}`;
  return [
    ...heading(
      `What speaks for ${token(answer)}` + (against ? ` rather than ${token(against)}` : ""),
      `direct attribution: what each part adds to the ${against ? "difference" : "logit"}`,
    ),
    ...shown.map((each): Line => {
      const own = bar(Math.abs(each.logit) / most, half);
      return [
        `${row(each.name, each.logit)}  `,
        // Bars to the left have no eighths of their own: they are drawn in whole characters.
        each.logit < 0
          ? ["█".repeat(Math.round(-each.logit / most * half)).padStart(half), "bad"]
          : " ".repeat(half),
        "│",
        each.logit < 0 ? "" : [own, "good"],
      ];
    }),
    ...sorted.length > top ? [[row(`${sorted.length - top} others`, rest)]] : [],
    ...Math.abs(remainder) >= 0.005 ? [[row("rounding", remainder)]] : [],
    [row("together", logit)],
  ];
}
