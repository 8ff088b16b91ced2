/**
 * What is left of an expression without the empty text.
 *
 * @module
 */
import {
  choice,
  type Expression,
  NOTHING,
  reference,
  repeat,
  Rule,
  sequence,
} from "./expression.ts";

/**
 * The texts of an expression but for the empty one; the expression itself if that is not among them.
 *
 * What is repeated may then be left out only as a whole: if each of a thousand copies could be empty by itself, one would
 * have to expect any of them next.
 */
export function nonEmpty(expression: Expression): Expression {
  return new NonEmptyMaker().make(expression);
}

class NonEmptyMaker {
  readonly #isNullable = new Map<Rule, boolean>();
  readonly #made = new Map<Rule, Rule>();

  make(expression: Expression): Expression {
    if (!this.#mayBeEmpty(expression)) return expression;
    switch (expression.kind) {
      case "text":
      case "characters":
        return NOTHING;
      case "choice":
        return choice(expression.options.map((option) => this.make(option)));
      case "repeat":
        // What is repeated no times is never anything else than empty.
        if (expression.max === 0) return NOTHING;
        return repeat(this.make(expression.body), 1, expression.max);
      case "sequence":
        // By the first part that is not empty.
        return choice(
          expression.parts.map((part, place) =>
            sequence(this.make(part), ...expression.parts.slice(place + 1))
          ),
        );
      case "rule": {
        let rule = this.#made.get(expression.rule);
        if (rule === undefined) {
          rule = new Rule();
          this.#made.set(expression.rule, rule);
          rule.expression = this.make(expression.rule.expression);
        }
        return reference(rule);
      }
    }
  }

  #mayBeEmpty(expression: Expression): boolean {
    switch (expression.kind) {
      case "text":
        return expression.text === "";
      case "characters":
        return false;
      case "choice":
        return expression.options.some((option) => this.#mayBeEmpty(option));
      case "sequence":
        return expression.parts.every((part) => this.#mayBeEmpty(part));
      case "repeat":
        return expression.min === 0 || this.#mayBeEmpty(expression.body);
      case "rule": {
        const { rule } = expression;
        let isNullable = this.#isNullable.get(rule);
        if (isNullable === undefined) {
          // A rule that is met within itself adds nothing to whether it may be empty.
          this.#isNullable.set(rule, false);
          isNullable = this.#mayBeEmpty(rule.expression);
          this.#isNullable.set(rule, isNullable);
        }
        return isNullable;
      }
    }
  }
}
