/**
 * How long texts are, in characters.
 *
 * @module
 */
import { choice, type Expression, NOTHING, repeat } from "../grammar/expression.ts";

/** How many characters a text may have. */
export function lengthRange(expression: Expression): [min: number, max: number] {
  switch (expression.kind) {
    case "text": {
      const { length } = [...expression.text];
      return [length, length];
    }
    case "characters":
      return [1, 1];
    case "sequence": {
      const ranges = expression.parts.map(lengthRange);
      return [
        ranges.reduce((sum, [min]) => sum + min, 0),
        ranges.reduce((sum, [, max]) => sum + max, 0),
      ];
    }
    case "choice": {
      const ranges = expression.options.map(lengthRange);
      return [
        ranges.reduce((least, [min]) => Math.min(least, min), Infinity),
        ranges.reduce((most, [, max]) => Math.max(most, max), -Infinity),
      ];
    }
    case "repeat": {
      const [min, max] = lengthRange(expression.body);
      // 0 * Infinity is not a number.
      return [min * expression.min, max === 0 || expression.max === 0 ? 0 : max * expression.max];
    }
    case "rule":
      return lengthRange(expression.rule.expression);
  }
}

/**
 * Those of the texts that have so many characters. What has one part whose length varies is cut there; more of them would
 * have to be weighed against each other.
 *
 * @returns nothing if the lengths depend on each other in such a way
 */
export function withinLengths(
  expression: Expression,
  min: number,
  max: number,
): Expression | undefined {
  const [shortest, longest] = lengthRange(expression);
  if (shortest >= min && longest <= max) return expression;
  if (longest < min || shortest > max) return NOTHING;
  switch (expression.kind) {
    case "rule":
      return withinLengths(expression.rule.expression, min, max);
    case "choice": {
      const options = expression.options.map((option) => withinLengths(option, min, max));
      return areAll(options) ? choice(options) : undefined;
    }
    case "sequence": {
      const { parts } = expression;
      const varying = parts.filter((part) => !isOfOneLength(part));
      if (varying.length !== 1) return undefined;
      const numOthers = parts.reduce(
        (sum, part) => part === varying[0] ? sum : sum + lengthRange(part)[0],
        0,
      );
      const cut = withinLengths(varying[0], min - numOthers, max - numOthers);
      return cut && {
        kind: "sequence",
        parts: parts.map((part) => part === varying[0] ? cut : part),
      };
    }
    case "repeat": {
      const { body } = expression;
      if (!isOfOneLength(body)) return undefined;
      const [length] = lengthRange(body);
      const atLeast = Math.max(expression.min, Math.ceil(min / length));
      const atMost = Math.min(expression.max, Math.floor(max / length));
      return atLeast > atMost ? NOTHING : repeat(body, atLeast, atMost);
    }
    default:
      return undefined;
  }
}

function isOfOneLength(expression: Expression): boolean {
  const [shortest, longest] = lengthRange(expression);
  return shortest === longest;
}

function areAll(options: readonly (Expression | undefined)[]): options is readonly Expression[] {
  return options.every((option) => option !== undefined);
}
