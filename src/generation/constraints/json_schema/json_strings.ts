/**
 * Strings of JSON.
 *
 * @module
 */
import {
  ALL,
  type CodePoints,
  codePoints,
  difference,
  intersection,
  rangesOf,
} from "../grammar/code_points.ts";
import {
  characters,
  choice,
  type Expression,
  reference,
  repeat,
  Rule,
  sequence,
  text,
} from "../grammar/expression.ts";

/** The characters that `JSON.stringify()` escapes. */
const ESCAPED: CodePoints = codePoints([[0, 0x1f], [0x22, 0x22], [0x5c, 0x5c]]);

const character = new Rule(escapedCharacter(ALL));

/** A string of any characters, so many. */
export function anyString(minLength = 0, maxLength = Infinity): Expression {
  return quoted(repeat(reference(character), minLength, maxLength));
}

/** A string, by the texts that it may hold. */
export function stringOf(content: Expression): Expression {
  return quoted(escaped(content));
}

function quoted(content: Expression): Expression {
  return sequence(text('"'), content, text('"'));
}

/** The same texts as they are written within a string. */
function escaped(expression: Expression): Expression {
  switch (expression.kind) {
    case "text":
      return text(escapedText(expression.text));
    case "characters":
      return escapedCharacter(expression.set);
    case "sequence":
      return { kind: "sequence", parts: expression.parts.map(escaped) };
    case "choice":
      return { kind: "choice", options: expression.options.map(escaped) };
    case "repeat":
      return { ...expression, body: escaped(expression.body) };
    case "rule":
      return escaped(expression.rule.expression);
  }
}

function escapedCharacter(set: CodePoints): Expression {
  const asTheyAre = difference(set, ESCAPED);
  const escapes: Expression[] = [];
  for (const [first, last] of rangesOf(intersection(set, ESCAPED))) {
    for (let code = first; code <= last; code++) {
      escapes.push(text(escapedText(String.fromCharCode(code))));
    }
  }
  return escapes.length === 0 ? characters(asTheyAre) : choice([characters(asTheyAre), ...escapes]);
}

function escapedText(content: string): string {
  return JSON.stringify(content).slice(1, -1);
}
