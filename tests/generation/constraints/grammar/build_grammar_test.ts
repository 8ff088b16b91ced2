import { assert, assertEquals, assertThrows } from "@std/assert";
import { Random } from "../../../../src/base/random.ts";
import { buildGrammar } from "../../../../src/generation/constraints/grammar/build_grammar.ts";
import { ByteAutomaton } from "../../../../src/generation/constraints/grammar/byte_automaton.ts";
import { charactersOf } from "../../../../src/generation/constraints/grammar/code_points.ts";
import { completionCosts } from "../../../../src/generation/constraints/grammar/completion_costs.ts";
import {
  characters,
  choice,
  type Expression,
  NOTHING,
  optional,
  reference,
  repeat,
  Rule,
  sequence,
  text,
} from "../../../../src/generation/constraints/grammar/expression.ts";
import { accepts, automatonOf, nextBytes, pick, randomText } from "../matching.ts";

/** All texts of some characters up to a length. */
function allTexts(alphabet: string, maxLength: number): string[] {
  let texts = [""];
  const all = [...texts];
  for (let length = 1; length <= maxLength; length++) {
    texts = texts.flatMap((text) => [...alphabet].map((character) => text + character));
    all.push(...texts);
  }
  return all;
}

function assertLanguage(
  expression: Expression,
  texts: string[],
  expected: (text: string) => boolean,
) {
  const automaton = automatonOf(expression);
  for (const text of texts) assertEquals(accepts(automaton, text), expected(text), text);
}

const ab = characters(charactersOf("ab"));

Deno.test("buildGrammar() accepts exactly the texts of an expression", () => {
  const texts = allTexts("abé", 5);
  assertLanguage(sequence(text("a"), ab), texts, (t) => /^a[ab]$/.test(t));
  assertLanguage(choice([text(""), text("ab"), text("aé")]), texts, (t) => /^(ab|aé)?$/.test(t));
  assertLanguage(repeat(ab, 2, 4), texts, (t) => /^[ab]{2,4}$/.test(t));
  assertLanguage(repeat(text("aé"), 1, Infinity), texts, (t) => /^(aé)+$/.test(t));
  assertLanguage(repeat(optional(ab), 0, Infinity), texts, (t) => /^[ab]*$/.test(t));
  assertLanguage(repeat(repeat(text("ab"), 2, 2), 0, 3), texts, (t) => /^((ab){2}){0,3}$/.test(t));
  const abOrLess = sequence(optional(text("a")), optional(text("b")));
  assertLanguage(repeat(abOrLess, 1, 2), texts, (t) => /^(a?b?){1,2}$/.test(t));
  assertLanguage(sequence(optional(text("é")), text("a")), texts, (t) => /^é?a$/.test(t));
});

Deno.test("a rule may refer to itself, to any depth", () => {
  const rule = new Rule();
  rule.expression = choice([sequence(text("("), reference(rule), text(")")), text("x")]);
  const automaton = automatonOf(reference(rule));
  for (const depth of [0, 1, 7, 2000]) {
    const brackets = "(".repeat(depth) + "x" + ")".repeat(depth);
    assert(accepts(automaton, brackets));
    assert(!accepts(automaton, brackets + ")"));
    assert(!accepts(automaton, brackets.slice(0, -1)));
  }
});

Deno.test("lists that end with themselves take no more memory the longer they are", () => {
  const rule = new Rule();
  rule.expression = sequence(text("a"), optional(reference(rule)));
  const automaton = automatonOf(reference(rule));
  let state = automaton.start;
  const seen = new Set([state]);
  for (let i = 0; i < 100; i++) seen.add(state = automaton.next(state, automaton.classOf[0x61])!);
  assertEquals(seen.size, 2);
});

Deno.test("nested repetitions are added up, not multiplied", () => {
  const nested = repeat(repeat(repeat(text("abc"), 0, 1000), 0, 1000), 0, 1000);
  assert(buildGrammar(nested).nodes.length < 10_000);
  const automaton = automatonOf(nested);
  assert(accepts(automaton, "abc".repeat(20)));
  assert(!accepts(automaton, "abcab"));
});

Deno.test("what is too large is refused", () => {
  const large = Array.from({ length: 30 }, (_, i) => repeat(text("ab" + i), 0, 10_000));
  assertThrows(() => buildGrammar(sequence(...large)), RangeError, "the constraint is too large");
});

Deno.test("trim() leaves no state without a way to the end", () => {
  const rule = new Rule();
  // This rule never ends, so nothing that goes through it does.
  rule.expression = sequence(text("x"), reference(rule));
  const automaton = automatonOf(
    choice([sequence(text("a"), reference(rule)), sequence(text("b"), NOTHING), text("ac")]),
  );
  assertEquals(nextBytes(automaton, automaton.start), [0x61]);
  const afterA = automaton.next(automaton.start, automaton.classOf[0x61])!;
  assertEquals(nextBytes(automaton, afterA), [0x63]);
  const written = reference(new Rule(text("a")));
  const behind = automatonOf(
    choice([sequence(written, NOTHING), sequence(written, text("b")), text("c")]),
  );
  assertEquals(nextBytes(behind, behind.next(behind.start, behind.classOf[0x61])!), [0x62]);
  const onlyBefore = automatonOf(choice([sequence(written, NOTHING), text("c")]));
  assertEquals(nextBytes(onlyBefore, onlyBefore.start), [0x63]);
  assertEquals(buildGrammar(reference(rule)).trim(() => true), false);
  assertEquals(buildGrammar(NOTHING).trim(() => true), false);
  assertEquals(buildGrammar(text("ab")).trim((first) => first !== 0x62), false);
});

Deno.test("completionCosts() are the fewest bytes to the end", () => {
  const rule = new Rule();
  rule.expression = choice([sequence(text("("), reference(rule), text(")")), text("xyz")]);
  const grammar = buildGrammar(sequence(reference(rule), optional(text("more")), text("!")));
  const costs = completionCosts(grammar);
  const automaton = new ByteAutomaton(grammar);
  for (
    const [before, cost] of [["", 4], ["(", 5], ["((", 6], ["((x", 5], ["((xyz))m", 4], [
      "xyz!",
      0,
    ]] as const
  ) {
    const state = automaton.after(automaton.start, new TextEncoder().encode(before))!;
    assertEquals(automaton.distance(state, costs), cost, before);
  }
});

Deno.test("random expressions have no dead ends, and accept what they lead to", () => {
  const random = new Random(4);
  const randomExpression = (depth: number): Expression => {
    const kind = depth === 0 ? 0 : Math.floor(random.next() * 5);
    const parts = () =>
      Array.from({ length: 1 + Math.floor(random.next() * 3) }, () => randomExpression(depth - 1));
    switch (kind) {
      case 1:
        return sequence(...parts());
      case 2:
        return choice(parts());
      case 3:
        return repeat(
          randomExpression(depth - 1),
          Math.floor(random.next() * 3),
          2 + Math.floor(random.next() * 4),
        );
      case 4:
        return repeat(randomExpression(depth - 1), Math.floor(random.next() * 2), Infinity);
      default:
        return pick(
          [text("a"), text("añb"), text(""), characters(charactersOf("xyé😀")), ab],
          random,
        );
    }
  };
  let numTexts = 0;
  for (let round = 0; round < 200; round++) {
    const automaton = automatonOf(randomExpression(3));
    for (let i = 0; i < 5; i++) {
      const made = randomText(automaton, random);
      if (made === undefined) continue;
      numTexts++;
      assert(accepts(automaton, made));
    }
  }
  assert(numTexts > 800);
});
