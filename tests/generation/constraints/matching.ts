/**
 * What the tests of constraints have in common: whether a text is in a language, and how texts of a language are made up.
 *
 * @module
 */
import type { Random } from "../../../src/base/random.ts";
import {
  type AutomatonState,
  ByteAutomaton,
} from "../../../src/generation/constraints/grammar/byte_automaton.ts";
import { buildGrammar } from "../../../src/generation/constraints/grammar/build_grammar.ts";
import type { Expression } from "../../../src/generation/constraints/grammar/expression.ts";

/** The automaton of an expression, in which every state can be completed. */
export function automatonOf(expression: Expression): ByteAutomaton {
  const grammar = buildGrammar(expression);
  if (!grammar.trim(() => true)) throw new Error("no text fulfils the expression");
  return new ByteAutomaton(grammar);
}

/** Whether an automaton accepts a text. */
export function accepts(automaton: ByteAutomaton, text: string): boolean {
  const bytes = new TextEncoder().encode(text);
  return automaton.after(automaton.start, bytes)?.isComplete ?? false;
}

/** The bytes that may come next. */
export function nextBytes(automaton: ByteAutomaton, state: AutomatonState): number[] {
  return Array.from({ length: 256 }, (_, byte) => byte)
    .filter((byte) => automaton.next(state, automaton.classOf[byte]) !== null);
}

/** A text of the language, byte by byte at random; undefined if it did not end within so many bytes. */
export function randomText(
  automaton: ByteAutomaton,
  random: Random,
  maxBytes = 200,
): string | undefined {
  const bytes: number[] = [];
  let state = automaton.start;
  while (bytes.length <= maxBytes) {
    const candidates = nextBytes(automaton, state);
    if (state.isComplete && (candidates.length === 0 || random.next() < 0.2)) {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
        .decode(Uint8Array.from(bytes));
    }
    if (candidates.length === 0) throw new Error(`a dead end behind ${bytes}`);
    const byte = pick(candidates, random);
    bytes.push(byte);
    state = automaton.next(state, automaton.classOf[byte])!;
  }
  return undefined;
}

/** One of several, at random. */
export function pick<T>(list: readonly T[], random: Random): T {
  return list[Math.floor(random.next() * list.length)];
}

/** How many values are added to sets meanwhile: the work of an automaton is to put places together. */
export function numAddedToSets(act: () => void): number {
  const { add } = Set.prototype;
  let numAdded = 0;
  Set.prototype.add = function (value) {
    numAdded++;
    return add.call(this, value);
  };
  try {
    act();
  } finally {
    Set.prototype.add = add;
  }
  return numAdded;
}
