/**
 * Keeping a text to what was asked of it.
 *
 * @module
 */
import { InvalidArgumentError } from "../../base/errors.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import { addToken, hasToken, type TokenMask } from "../sampling/token_mask.ts";
import { type AutomatonState, ByteAutomaton } from "./grammar/byte_automaton.ts";
import { buildGrammarInSteps } from "./grammar/build_grammar.ts";
import { completionCosts } from "./grammar/completion_costs.ts";
import { charactersOf, complement } from "./grammar/code_points.ts";
import { characters, type Expression, repeat } from "./grammar/expression.ts";
import { spellingOf } from "./vocabulary/spelling.ts";
import { BYTE_GROUPS, TokenMasks } from "./vocabulary/token_masks.ts";
import { WrittenTokens } from "./vocabulary/written_tokens.ts";

/** Masks take this much memory at most; then they are computed again when they are needed again. */
const MAX_MASK_BYTES = 2 ** 25;

/** What a constraint consists of. */
interface ConstraintParts {
  readonly tokenizer: Tokenizer;
  readonly endOfTextIds: readonly number[];
  readonly automaton: ByteAutomaton;
  readonly masks: TokenMasks;
  readonly maxKnownMasks: number;
}

/** What a text has to be, ready to be kept to. It is not changed by use, and serves any number of texts. */
export class Constraint {
  readonly #tokenizer: Tokenizer;
  readonly #endOfTextIds: readonly number[];
  readonly #automaton: ByteAutomaton;
  readonly #masks: TokenMasks;
  readonly #maxKnownMasks: number;
  #knownMasks = new Map<AutomatonState, TokenMask>();

  private constructor(
    { tokenizer, endOfTextIds, automaton, masks, maxKnownMasks }: ConstraintParts,
  ) {
    this.#tokenizer = tokenizer;
    this.#endOfTextIds = endOfTextIds;
    this.#automaton = automaton;
    this.#masks = masks;
    this.#maxKnownMasks = maxKnownMasks;
  }

  /**
   * Makes one, in steps: of a large one it takes some tenths of a second.
   *
   * @param name the option that asks for it, for error messages
   * @param expression the texts that there may be
   * @param endOfTextIds the tokens that end a text
   * @throws {RangeError} if there is no such text, or no tokens that spell one
   */
  static *make(
    name: string,
    expression: Expression,
    tokenizer: Tokenizer,
    endOfTextIds: readonly number[],
  ): Generator<void, Constraint> {
    const grammar = yield* buildGrammarInSteps(expression);
    if (!(yield* grammar.trimInSteps(() => true))) {
      throw impossible(name, "no text fulfils it", "Check it for parts that exclude each other");
    }
    const tokens = yield* WrittenTokens.of(tokenizer);
    yield* warmUp(tokens);
    const { isInToken, isToken } = tokens;
    const isSpellable = yield* grammar.trimInSteps(isAnyIn(isInToken));
    const automaton = new ByteAutomaton(grammar, BYTE_GROUPS);
    yield;
    // Where each byte is a token, what bytes can complete, tokens can.
    const isOtherByte = isAnyIn(isToken.map((is) => 1 - is));
    const isEachByteToken = grammar.nodes.every(({ bytes }) => !anyThird(bytes, isOtherByte));
    let masks = new TokenMasks(automaton, tokens);
    if (!isEachByteToken) {
      const byBytes = masks;
      const costs = completionCosts(grammar);
      const canFinish = spellingOf({
        nextStates: (state) => byBytes.nextStates(state),
        distance: (state) => automaton.distance(state, costs),
      });
      masks = new TokenMasks(automaton, tokens, canFinish);
      if (!isSpellable || !canFinish(automaton.start)) throw unspellable(name);
    }
    if (!isSpellable) throw unspellable(name);
    if (automaton.start.isFinished) {
      throw impossible(name, "only the empty text fulfils it", "Ask for a text to be written");
    }
    const maxKnownMasks = Math.ceil(MAX_MASK_BYTES / (4 * tokens.numWords));
    yield;
    const made = new Constraint({ tokenizer, endOfTextIds, automaton, masks, maxKnownMasks });
    yield* masks.prepareInSteps(automaton.start);
    made.maskOf(automaton.start);
    return made;
  }

  /** The state before the first token. */
  start(): ConstraintState {
    return new ConstraintState(this, this.#automaton.start);
  }

  /** @ignore For states. */
  maskOf(state: AutomatonState): TokenMask {
    let mask = this.#knownMasks.get(state);
    if (mask === undefined) {
      mask = this.#masks.compute(state);
      if (state.isComplete) {
        for (const id of this.#endOfTextIds) addToken(mask, id);
      }
      if (this.#knownMasks.size >= this.#maxKnownMasks) this.#knownMasks = new Map();
      this.#knownMasks.set(state, mask);
    }
    return mask;
  }

  /** @ignore For states. */
  stateAfter(state: AutomatonState, id: number): AutomatonState {
    if (state.isComplete && this.#endOfTextIds.includes(id)) return state;
    if (!hasToken(this.maskOf(state), id)) {
      throw new InvalidArgumentError(
        `Cannot go on with a token that the constraint forbids here: received ${id}. Take one that is allowed.`,
      );
    }
    return this.#automaton.after(state, this.#tokenizer.tokenBytes(id))!;
  }
}

/**
 * Where a text is in a constraint. It does not change: {@linkcode ConstraintState.after} gives the next one. So texts that
 * part, or are taken back, simply keep theirs.
 */
export class ConstraintState {
  readonly #constraint: Constraint;
  readonly #state: AutomatonState;

  /** @ignore `Constraint.start()` makes the first. */
  constructor(constraint: Constraint, state: AutomatonState) {
    this.#constraint = constraint;
    this.#state = state;
  }

  /**
   * The tokens that may come next, as the sampler takes them. Those that end a text are among them where it is complete.
   * Not to be written to.
   */
  get allowed(): TokenMask {
    return this.#constraint.maskOf(this.#state);
  }

  /** Whether the text so far fulfils the constraint. */
  get isComplete(): boolean {
    return this.#state.isComplete;
  }

  /** Whether nothing but the end of the text may follow. */
  get isFinished(): boolean {
    return this.#state.isFinished;
  }

  /**
   * The state behind one more token. A token that ends the text leaves it as it is.
   *
   * @throws {RangeError} if the token is not allowed here
   */
  after(id: number): ConstraintState {
    return new ConstraintState(this.#constraint, this.#constraint.stateAfter(this.#state, id));
  }
}

const isWarm = new WeakSet<WrittenTokens>();

/**
 * Goes through all tokens once for each vocabulary. The first time takes ten times as long as later ones, until the engine
 * has compiled the loop; it would come amid the writing.
 */
function* warmUp(tokens: WrittenTokens): Generator<void, void> {
  if (isWarm.has(tokens)) return;
  isWarm.add(tokens);
  // Free but for one plain character, so that all tokens have to be looked at, and bounded, so that there are many states.
  for (const excluded of ["", "~"]) {
    const content = characters(complement(charactersOf(excluded)));
    const grammar = yield* buildGrammarInSteps(repeat(content, 0, tokens.trie.maxDepth));
    const automaton = new ByteAutomaton(grammar, BYTE_GROUPS);
    yield;
    new TokenMasks(automaton, tokens).compute(automaton.start);
    yield;
  }
}

function impossible(name: string, why: string, advice: string): InvalidArgumentError {
  return new InvalidArgumentError(
    `Cannot generate: ${name} cannot be fulfilled: ${why}. ${advice}.`,
  );
}

function unspellable(name: string): InvalidArgumentError {
  return impossible(
    name,
    "the vocabulary has no tokens that spell such a text",
    "Use a model with a token for each byte, as GPT-2 has, or ask for other characters",
  );
}

/** Whether any byte of a range, which a table of bytes has 1 for, is in it: asked very often. */
function isAnyIn(table: Uint8Array): (first: number, last: number) => boolean {
  /** By byte: how many are in the table before it. */
  const numBefore = new Uint16Array(257);
  for (const [byte, isIn] of table.entries()) numBefore[byte + 1] = numBefore[byte] + isIn;
  return (first, last) => numBefore[last + 1] > numBefore[first];
}

function anyThird(bytes: readonly number[], holds: (first: number, last: number) => boolean) {
  for (let i = 0; i < bytes.length; i += 3) if (holds(bytes[i], bytes[i + 1])) return true;
  return false;
}
