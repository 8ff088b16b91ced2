/**
 * The sections about layers: what each would have said, and where its heads look.
 *
 * @module
 */
import { attentionScoreNames, headName } from "../../inspection/attention_patterns.ts";
import type { Explanation } from "../../inspection/explain.ts";
import { padTextEnd, textWidth } from "../terminal/text_width.ts";
import { numberText } from "../terminal/units.ts";
import { bar, heading, type Line, percent, tokenCell, tokenWidth } from "./layout.ts";

const MAX_TOKEN_WIDTH = 14;
/** Of the tokens that a layer finds likeliest, so that there is room for two. */
const MAX_LENS_WIDTH = 10;

const MAX_SHOWN = 4;
/** Of a share behind a token, with the space between them. */
const PERCENT_WIDTH = 8;

/** What each layer would have said after the position. */
export function lensSection({ lens, position }: Explanation, numColumns: number): Line[] {
  const readings = lens.map(({ name, positions }) => ({ name, ...positions[position] }));
  const { answer } = readings.at(-1)!;
  const nameWidth = Math.max(...lens.map(({ name }) => name.length));
  const answerWidth = tokenWidth([answer], MAX_LENS_WIDTH);
  const first = `  ${"after".padEnd(nameWidth)}  entropy  ${
    padTextEnd(`${tokenCell(answer, answerWidth)} is`, 15)
  }  `;
  const width = tokenWidth(
    readings.flatMap(({ top }) => top.slice(0, MAX_SHOWN)),
    Math.min(MAX_LENS_WIDTH, numColumns - textWidth(first) - PERCENT_WIDTH),
  );
  const numShown = Math.max(
    1,
    Math.min(MAX_SHOWN, Math.floor((numColumns - textWidth(first) + 2) / (width + 10))),
  );
  return [
    ...heading(
      "What each layer would have said",
      "logit lens: entropy in nats, place of the final answer",
    ),
    [[`${first}likeliest`, "faint"]],
    ...readings.map(({ name, top, entropy, answer }): Line => {
      const own = `#${numberText(answer.rank + 1)}`.padEnd(8) + percent(answer.probability);
      return [
        `  ${name.padEnd(nameWidth)}  ${entropy.toFixed(2).padStart(7)}  `,
        answer.rank === 0 ? [own.padEnd(15), "good"] : own.padEnd(15),
        "  ",
        top.slice(0, numShown).map((token) =>
          `${tokenCell(token, width)} ${percent(token.probability)}`
        ).join("  "),
      ];
    }),
  ];
}

const SCORES = Object.entries(attentionScoreNames) as [keyof typeof attentionScoreNames, string][];
/** Of a head and its score: `head 11.10  12.3 %`. */
const HEAD_WIDTH = 20;
const SCORES_WIDTH = Math.max(...SCORES.map(([, text]) => text.length));

/** Which heads look where. */
export function attentionSection(
  { attention: { links, scores }, tokens }: Explanation,
  numColumns: number,
): Line[] {
  const named = links.flatMap(({ query, key }) => [tokens[query], tokens[key]]);
  const width = tokenWidth(named, MAX_TOKEN_WIDTH);
  const place = (position: number) =>
    `${String(position).padStart(4)} ${tokenCell(tokens[position], width)}`;
  const barWidth = Math.max(5, Math.min(20, numColumns - 2 * width - 45));
  const numHeads = Math.max(1, Math.floor((numColumns - SCORES_WIDTH - 4) / HEAD_WIDTH));
  return [
    ...heading(
      "Where heads look",
      "the strongest links but to the first token; head 3.5 is head 5 of block 3",
    ),
    ...links.length === 0 ? [["  The text is too short for any."]] : [],
    ...links.map(({ query, key, weight, ...link }): Line => [
      `  ${headName(link).padEnd(13)}${place(query)} looks at ${place(key)}  ${percent(weight)}  `,
      [bar(weight, barWidth), "accent"],
    ]),
    [],
    [["  what heads do most: the mean of their weights there", "faint"]],
    ...SCORES.map(([name, text]): Line => {
      const best = scores.filter((each) => !Number.isNaN(each[name]))
        .toSorted((a, b) => b[name] - a[name]).slice(0, numHeads);
      const shown = best.map((each) =>
        `${headName(each)} ${percent(each[name])}`.padEnd(HEAD_WIDTH)
      );
      return [
        `  ${text.padEnd(SCORES_WIDTH)}  ${shown.join("").trimEnd() || "nothing to look at"}`,
      ];
    }),
  ];
}
