/**
 * Objects and arrays of JSON.
 *
 * @module
 */
import {
  choice,
  EMPTY,
  type Expression,
  optional,
  reference,
  repeat,
  Rule,
  sequence,
  text,
} from "../grammar/expression.ts";
import { anyString } from "./json_strings.ts";
import { decimalsIn } from "./number_ranges.ts";

/** One property of an object. */
export interface Property {
  readonly name: string;
  readonly value: Expression;
  readonly isRequired: boolean;
}

/** Objects with these properties, in this order, and no others. */
export function objectOf(properties: readonly Property[]): Expression {
  const members = properties.map(({ name, value }) => {
    const rule = new Rule(sequence(text(`${JSON.stringify(name)}:`), value));
    return reference(rule);
  });
  /** By place: what may follow once something was written: this property and those after it. */
  const rests: Expression[] = [EMPTY];
  for (let place = members.length - 1; place >= 0; place--) {
    const member = sequence(text(","), members[place]);
    const part = properties[place].isRequired ? member : optional(member);
    rests.unshift(reference(new Rule(sequence(part, rests[0]))));
  }
  /** By which property is the first that is written; none behind the first that has to be. */
  const firstRequired = properties.findIndex(({ isRequired }) => isRequired);
  const beginnings = members.slice(0, firstRequired < 0 ? undefined : firstRequired + 1)
    .map((member, place) => sequence(member, rests[place + 1]));
  if (firstRequired < 0) beginnings.push(EMPTY);
  return sequence(text("{"), choice(beginnings), text("}"));
}

/** Objects with any properties of such names. */
export function dictionaryOf(name: Expression, value: Expression): Expression {
  const member = sequence(name, text(":"), value);
  return sequence(text("{"), separated(member, 0, Infinity), text("}"));
}

/**
 * Arrays.
 *
 * @param first what the first elements are, one after another
 * @param rest what those behind them are; undefined if there are none
 */
export function arrayOf(
  first: readonly Expression[],
  rest: Expression | undefined,
  min: number,
  max: number,
): Expression {
  const numRest = (bound: number) => Math.max(0, bound - first.length);
  let content = rest === undefined || max <= first.length
    ? EMPTY
    : first.length === 0
    ? separated(rest, min, max)
    : repeat(sequence(text(","), rest), numRest(min), numRest(max));
  for (let place = Math.min(first.length, max) - 1; place >= 0; place--) {
    content = sequence(place === 0 ? EMPTY : text(","), first[place], content);
    if (place >= min) content = optional(content);
  }
  return sequence(text("["), content, text("]"));
}

/** So many, with commas between them. */
function separated(each: Expression, min: number, max: number): Expression {
  if (max === 0) return EMPTY;
  const several = sequence(
    each,
    repeat(sequence(text(","), each), Math.max(0, min - 1), max - 1),
  );
  return min === 0 ? optional(several) : several;
}

/** Any value of JSON. */
export const ANY_VALUE: Expression = anyValue();

function anyValue(): Expression {
  const rule = new Rule();
  const value = reference(rule);
  rule.expression = choice([
    text("null"),
    text("true"),
    text("false"),
    anyString(),
    decimalsIn({})!,
    dictionaryOf(anyString(), value),
    arrayOf([], value, 0, Infinity),
  ]);
  return value;
}
