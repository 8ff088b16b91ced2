/**
 * The formats in which `score` writes.
 *
 * @module
 */
import { groupScores, type SpanScore, type TextSpan } from "../../evaluation/group_scores.ts";
import type { TextScore } from "../../evaluation/score_texts.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { Output } from "../terminal/io.ts";
import { jsonText } from "../terminal/terminal_text.ts";
import { spanLines, sumColumns, sumRow, sumText, textHeading, tokenLines } from "./score_table.ts";
import type { ScoredInput } from "./scored_input.ts";

/** What is written of each text. */
export interface ScoreFormat {
  readonly model: string;
  readonly weightType: string;
  readonly tokenizer: Tokenizer;
  /** Nothing but what all tokens add up to. */
  readonly sum: boolean;
  /** Words or other parts instead of tokens: the parts, or none for words. */
  readonly groups: { readonly spans?: readonly TextSpan[] } | undefined;
  readonly numColumns: number;
}

/** Writes the score of one text after another. */
export type ScoreWriter = (input: ScoredInput, score: TextScore) => Promise<void>;

/** Writes tables for people. */
export function tableWriter(stdout: Output, format: ScoreFormat): ScoreWriter {
  const { sum, tokenizer, numColumns } = format;
  let isFirst = true;
  return async ({ text, line }, score) => {
    if (sum) {
      const columns = isFirst ? [sumColumns(numColumns)] : [];
      await stdout.writeLines([...columns, sumRow(line ?? 1, text, score, numColumns)]);
    } else {
      const title = line === undefined ? [] : textHeading(line, text).slice(isFirst ? 1 : 0);
      const spans = spansOf(text, score, format);
      // Among others, a text of which nothing can be said takes no table.
      const rows = line !== undefined && score.numScored === 0
        ? []
        : spans !== undefined
        ? [...spanLines(spans, numColumns), []]
        : [...tokenLines(score.tokens, tokenizer, numColumns), []];
      await stdout.writeLines([...title, ...rows]);
      // Parts that were asked for need not be all of a text, as its words are.
      const isPart = format.groups?.spans !== undefined;
      await stdout.writeProse(sumText(score, isPart ? "The whole text: " : ""));
    }
    isFirst = false;
  };
}

/** Writes one JSON object for each text, in a line of its own. What has no number is null. */
export function jsonWriter(stdout: Output, format: ScoreFormat): ScoreWriter {
  return async ({ text, line }, { tokens, ...sums }) => {
    const spans = spansOf(text, { tokens, ...sums }, format);
    const rows = format.sum ? {} : { spans, tokens };
    const numTokens = tokens.length;
    const result = {
      model: format.model,
      weightType: format.weightType,
      line,
      text,
      numTokens,
      ...sums,
      ...rows,
    };
    await stdout.write(jsonText(result) + "\n");
  };
}

/**
 * Writes a table of tab-separated values, of tokens, parts or texts. What has no number is empty. Texts have no quotes; tabs,
 * ends of lines and backslashes in them are written `\t`, `\n`, `\r` and `\\`.
 */
export function tsvWriter(stdout: Output, format: ScoreFormat): ScoreWriter {
  let isFirst = true;
  return async ({ text, line = 1 }, score) => {
    const spans = spansOf(text, score, format);
    const rows: Record<string, string | number>[] = format.sum
      ? [{ line, ...sumsOf(score), text }]
      : spans?.map((span) => ({ line, ...span })) ??
        score.tokens.map(({ topLogProbabilities: _, hex = "", ...token }) => ({
          line,
          ...token,
          hex,
        }));
    const header = isFirst && rows.length > 0 ? [Object.keys(rows[0])] : [];
    isFirst &&= rows.length === 0;
    const lines = [...header, ...rows.map((row) => Object.values(row).map(cellOf))];
    await stdout.write(lines.map((cells) => cells.join("\t") + "\n").join(""));
  };
}

const ESCAPES: Record<string, string> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };

function sumsOf({ tokens, ...sums }: TextScore) {
  return { numTokens: tokens.length, ...sums };
}

function cellOf(value: string | number): string {
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "";
  return value.replace(/[\\\t\n\r]/g, (character) => ESCAPES[character]);
}

function spansOf(
  text: string,
  { tokens }: TextScore,
  { sum, groups }: ScoreFormat,
): SpanScore[] | undefined {
  return sum || groups === undefined ? undefined : groupScores(text, tokens, groups.spans);
}
