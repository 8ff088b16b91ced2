/**
 * The sections about the text: what it says, and what may follow.
 *
 * @module
 */
import type { Explanation } from "../../inspection/explain.ts";
import { flagText } from "../arguments/flags.ts";
import { numberText } from "../terminal/units.ts";
import type { Candidates } from "./candidates.ts";
import { bar, heading, type Line, percent, tokenCell, tokenWidth } from "./layout.ts";

const MAX_TOKEN_WIDTH = 18;
/** A screen. */
const MAX_TOKENS = 20;
/** How many of them come after the position that is explained. */
const NUM_AFTER = 4;

/** The tokens around the position, each with how likely it was. */
export function tokensSection({ tokens, position }: Explanation, numColumns: number): Line[] {
  const end = Math.min(tokens.length, position + 1 + NUM_AFTER);
  const start = Math.max(0, end - MAX_TOKENS);
  const shown = tokens.slice(start, end);
  const width = tokenWidth(shown, MAX_TOKEN_WIDTH);
  const barWidth = numColumns - width - 24;
  const left = (count: number, where: string): Line[] =>
    count === 0 ? [] : [[[`        ${numberText(count)} more ${where}`, "faint"]]];
  return [
    ...heading("Tokens", "how likely each was after those before it"),
    ...left(start, "before"),
    ...shown.map((token, i): Line => {
      const at = start + i;
      const isExplained = at === position;
      const cell = `${isExplained ? "> " : "  "}${String(at).padStart(5)}  ${
        tokenCell(token, width)
      }`;
      const { probability } = token;
      return [
        isExplained ? [cell, "bold"] : cell,
        ...probability === undefined
          ? []
          : [`  ${percent(probability)}  `, [bar(probability, barWidth), "accent"] as const],
      ];
    }),
    ...left(tokens.length - end, "after"),
  ];
}

/** What may come next, and what sampling leaves of it. */
export function candidatesSection(
  { tokens, stages }: Candidates,
  numColumns: number,
): Line[] {
  const width = tokenWidth(tokens, MAX_TOKEN_WIDTH);
  const barWidth = Math.max(5, Math.min(30, numColumns - width - 41));
  const most = Math.max(...tokens.map(({ probability }) => probability));
  const columns = `${" ".repeat(width + 6)}  model   ${" ".repeat(barWidth)}  drawn`;
  return [
    ...heading("What may come next", "by the model, and when it is drawn with these options"),
    [[columns, "faint"]],
    ...tokens.map((token): Line => [
      `${numberText(token.rank + 1).padStart(4)}  ${tokenCell(token, width)}  ${
        percent(token.probability)
      }  `,
      [bar(token.probability / most, barWidth).padEnd(barWidth), "accent"],
      "  ",
      drawnText(token.probability, token.afterStages, stages),
    ]),
    [],
    ...stagesTable(stages),
  ];
}

function drawnText(
  probability: number,
  after: readonly number[],
  stages: Candidates["stages"],
): Line[number] {
  const left = after.at(-1) ?? probability;
  if (left > 0) return percent(left);
  const gone = stages[after.indexOf(0)].name;
  return [`  no: ${flagText(gone)}`, "faint"];
}

function stagesTable(stages: Candidates["stages"]): Line[] {
  if (stages.length === 0) return [["  Any token can be drawn, as often as the model says."]];
  const names = stages.map(({ name, value }) =>
    flagText(name) + (value === true ? "" : ` ${value}`)
  );
  const width = Math.max(...names.map(({ length }) => length));
  return stages.map(({ numTokens, modelProbability }, i) => [
    `  ${names[i].padEnd(width)}  leaves ${numberText(numTokens)} token${
      numTokens === 1 ? "" : "s"
    } with ${percent(modelProbability).trim()}`,
  ]);
}
