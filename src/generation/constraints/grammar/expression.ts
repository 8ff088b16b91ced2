/**
 * What texts may be, as a tree: what choices, regular expressions and JSON schemas have in common.
 *
 * @module
 */
import type { CodePoints } from "./code_points.ts";

/** Larger bounds of repetitions are refused: no text of a GPT-2 is that long. */
export const MAX_REPETITIONS = 10_000;

/** A set of texts. */
export type Expression =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "characters"; readonly set: CodePoints }
  | { readonly kind: "sequence"; readonly parts: readonly Expression[] }
  | { readonly kind: "choice"; readonly options: readonly Expression[] }
  | {
    readonly kind: "repeat";
    readonly body: Expression;
    readonly min: number;
    readonly max: number;
  }
  | { readonly kind: "rule"; readonly rule: Rule };

/**
 * An expression that others refer to, itself too: so it may be recursive. It is built once, however often it occurs.
 *
 * A rule that refers to itself before any character would never end; who makes rules must not make such.
 */
export class Rule {
  /** What it stands for. */
  expression: Expression;

  constructor(expression: Expression = NOTHING) {
    this.expression = expression;
  }
}

/** One text. */
export function text(text: string): Expression {
  return { kind: "text", text };
}

/** One character of a set. */
export function characters(set: CodePoints): Expression {
  return { kind: "characters", set };
}

/** One after another. */
export function sequence(...parts: readonly Expression[]): Expression {
  return { kind: "sequence", parts };
}

/** Any of them. */
export function choice(options: readonly Expression[]): Expression {
  return options.length === 1 ? options[0] : { kind: "choice", options };
}

/** The same again and again; `max` may be Infinity. */
export function repeat(body: Expression, min: number, max: number): Expression {
  return { kind: "repeat", body, min, max };
}

/** With or without. */
export function optional(body: Expression): Expression {
  return repeat(body, 0, 1);
}

/** What a rule stands for. */
export function reference(rule: Rule): Expression {
  return { kind: "rule", rule };
}

/** No text at all. */
export const NOTHING: Expression = { kind: "choice", options: [] };

/** The empty text. */
export const EMPTY: Expression = { kind: "text", text: "" };
