import { assert, assertEquals, assertRejects } from "@std/assert";
import { Random } from "../../../../src/base/random.ts";
import { InvalidArgumentError } from "../../../../src/base/errors.ts";
import { matchedCharacters } from "../../../../src/generation/constraints/regex/character_sets.ts";
import { regexExpression } from "../../../../src/generation/constraints/regex/regex_expression.ts";
import { accepts, automatonOf, pick, randomText } from "../matching.ts";

/** As the language is defined: the whole text has to match. */
function whole(regex: string | RegExp): RegExp {
  if (typeof regex === "string") return new RegExp(`^(?:${regex})$`, "u");
  const flags = regex.flags.replace(/[gymd]/g, "");
  return new RegExp(`^(?:${regex.source})$`, /[uv]/.test(flags) ? flags : flags + "u");
}

/** A text with a character more, less or another one. */
function changed(text: string, alphabet: readonly string[], random: Random): string {
  const characters = [...text];
  const place = Math.floor(random.next() * (characters.length + 1));
  characters.splice(
    place,
    Math.floor(random.next() * 2),
    ...(random.next() < 0.7 ? [pick(alphabet, random)] : []),
  );
  return characters.join("");
}

const ALPHABET = [
  "a",
  "b",
  "B",
  "k",
  "K",
  "s",
  "S",
  "1",
  " ",
  "_",
  "-",
  "\n",
  "\u2028",
  "é",
  "É",
  "ß",
  "ſ",
  "\u212a",
  "日",
  "😀",
  "\u{10ffff}",
];

async function assertSameLanguage(regex: string | RegExp, random: Random, numTexts = 60) {
  const expected = whole(regex);
  const automaton = automatonOf(await regexExpression("regex", regex));
  let text = "";
  let numMatching = 0;
  for (let i = 0; i < numTexts; i++) {
    const made = i % 3 === 0 ? randomText(automaton, random, 60) : undefined;
    if (made !== undefined) {
      assert(expected.test(made), `${regex} does not match ${JSON.stringify(made)}`);
      numMatching++;
    }
    text = changed(made ?? text, ALPHABET, random);
    assertEquals(
      accepts(automaton, text),
      expected.test(text),
      `${regex}: ${JSON.stringify(text)}`,
    );
    // What matches once may be made to match again.
    if (!accepts(automaton, text) && made !== undefined) text = made;
  }
  return numMatching;
}

Deno.test("regexExpression() is the language of JavaScript's own engine", async () => {
  const random = new Random(1);
  const regexes: (string | RegExp)[] = [
    "a",
    "abc",
    "a|b|",
    "",
    "(a|b)*",
    "(?:ab){2,3}",
    "a+?b*?",
    "a??b",
    "[^a]",
    "[^\\n]*",
    ".",
    ".*",
    /.*/s,
    /[^]/u,
    "\\d+",
    "\\D",
    "\\w+",
    "\\W",
    "\\s",
    "\\S+",
    "[\\w-]+",
    "[\\d\\s]",
    "[a-b1-]",
    "[\\]^]",
    "\\u{1f600}",
    "\\u00e9",
    "\\x61",
    "\\n",
    "\\cJ",
    "\\0",
    "[\\b]",
    "é|日|😀",
    "[é日😀]+",
    "[\\u0080-\\u{10ffff}]",
    "[^\\u{0}-\\u{ffff}]",
    "(?<name>a)b",
    "^a",
    "a$",
    "^a$",
    "^(a|b$)",
    "^|b",
    "(^a)",
    "^$",
    "((a)(b)?)+",
    "a{0}",
    "a{0,0}b",
    "((?:a){0}){2}b",
    "(?:(?:a{0})+|b)*",
    "(?:a|(?:[^b]{0}){1,3})?b",
    "(?:a{0}b{0}){0,2}[ab]",
    "a{3}",
    "a{2,}",
    "(a*)*",
    "(a|)*b",
    "((a?){2}){2}",
    /a/i,
    /[a-c]/i,
    /K/i,
    /s+/i,
    /[^k]/i,
    /\w/i,
    /\W/i,
    /[\W_]/i,
    /É|ß/i,
    /[\u00df]/i,
    /[^\W]/i,
    /\u{212a}/iu,
    "\\p{L}",
    "\\P{L}",
    "\\p{Lu}+",
    /\p{Lu}/iu,
    /\P{Lu}/iu,
    /[^\P{Lu}]/iu,
    "[\\p{L}\\d]+",
    "[^\\p{L}]",
    "\\p{Script=Han}",
    "\\p{Emoji}",
    /[\p{L}--[a-z]]/v,
    /[\w&&[^\d]]+/v,
    /\P{Lu}/iv,
    /[^\P{Lu}]/iv,
    /[[a-c][1-3]]/v,
    /[^a-z]/iv,
  ];
  let numMatching = 0;
  for (const regex of regexes) numMatching += await assertSameLanguage(regex, random);
  assert(numMatching > 800, `${numMatching}`);
});

Deno.test("regexExpression() is the language of random expressions", async () => {
  const random = new Random(2);
  const atom = () =>
    pick(["a", "b", "é", "😀", ".", "[ab]", "[^a]", "\\w", "[é-日]", "\\n", "K", "\\s"], random);
  const make = (depth: number): string => {
    if (depth === 0) return atom();
    const [left, right] = [make(depth - 1), make(depth - 1)];
    const quantifier = pick(["", "*", "+", "?", "{1,2}", "{2}", "{0,3}", "*?"], random);
    return pick([
      left + right,
      `(?:${left}|${right})`,
      `(${left})${quantifier}`,
      `(?:${left})${quantifier}${right}`,
    ], random);
  };
  for (let round = 0; round < 120; round++) {
    const source = make(3);
    await assertSameLanguage(round % 4 === 0 ? new RegExp(source, "iu") : source, random, 30);
  }
});

Deno.test("a regex that is searched for may match anywhere, but where it has anchors", async () => {
  const random = new Random(3);
  for (
    const source of ["ab", "^ab", "ab$", "^ab$", "^a|b$", "a|b", "", "^", "a*", "^(a|b)+$", "[^a]$"]
  ) {
    const expected = new RegExp(source, "u");
    const automaton = automatonOf(await regexExpression("pattern", source, { search: true }));
    for (let i = 0; i < 150; i++) {
      const text = Array.from(
        { length: Math.floor(random.next() * 5) },
        () => pick(["a", "b", "é"], random),
      ).join("");
      assertEquals(accepts(automaton, text), expected.test(text), `${source}: ${text}`);
    }
  }
});

Deno.test("regexExpression() refuses by name what it does not support", async () => {
  const cases: [string | RegExp, string][] = [
    ["(?=a)a", 'a lookahead, which is not supported: received "(?=a)"'],
    ["(?!a)b", "a lookahead"],
    ["a(?<=a)", "a lookbehind"],
    ["(a)\\1", 'a backreference, which is not supported: received "\\\\1"'],
    ["(?<n>a)\\k<n>", "a backreference"],
    ["\\ba", "a word boundary"],
    ["(?i:a)", "modifiers of a group"],
    ["a^b", "an anchor that is not at the end"],
    ["a$b", "an anchor that is not at the end"],
    ["(^a)*", "an anchor that is not at the end"],
    ["a{10001}", "more than 10000 repetitions"],
    ["a{0,10001}", "more than 10000 repetitions"],
    [/[\q{ab|c}]/v, "a class with texts in it"],
    [/\p{RGI_Emoji}/v, "a property of texts"],
    [/[^[\p{L}]--[\q{a}]]/v, "a class with texts in it"],
  ];
  for (const [regex, message] of cases) {
    await assertRejects(() => regexExpression("regex", regex), InvalidArgumentError, message);
  }
});

Deno.test("regexExpression() takes the name of what does not parse into its message", async () => {
  for (const source of ["(", "[z-a]", "a**", "\\p{Nonsense}", "\\-", "{"]) {
    const error = await assertRejects(() => regexExpression("pattern", source), SyntaxError);
    assert(
      error.message.startsWith("Cannot generate: pattern is not a regular expression: received "),
    );
  }
});

Deno.test("half a surrogate pair is a character that cannot be written", async () => {
  const expression = await regexExpression("regex", "a|[\\ud800-\\udfff]b|\\ud800");
  const automaton = automatonOf(expression);
  assert(accepts(automaton, "a"));
  assert(!accepts(automaton, "\ufffdb"));
  assert(!accepts(automaton, "\ufffd"));
});

Deno.test("matchedCharacters() are those that the engine matches, each of them", () => {
  const sources: [string, string][] = [
    ["\\p{L}", "u"],
    ["\\P{L}", "u"],
    ["\\p{Cn}", "u"],
    ["\\p{Noncharacter_Code_Point}", "u"],
    ["[\\p{L}\\u{50000}-\\u{5abcd}]", "u"],
    ["[^\\p{L}\u{60001}]", "u"],
    ["[\\p{L}\\ud900\\udc00]", "u"],
    ["\\p{Lu}", "iu"],
  ];
  for (const [source, flags] of sources) {
    const set = matchedCharacters(source, flags);
    const single = new RegExp(`^${source}$`, flags);
    let at = 0;
    for (let code = 0; code <= 0x10ffff; code++) {
      if (code >= 0xd800 && code <= 0xdfff) continue;
      while (at < set.length && set[at + 1] < code) at += 2;
      const isIn = at < set.length && set[at] <= code;
      // Only where it fails, for there are a million of them.
      if (isIn !== single.test(String.fromCodePoint(code))) {
        assertEquals(isIn, !isIn, `${source} ${code.toString(16)}`);
      }
    }
  }
});
