/**
 * What texts are read and written with, right and wrong, at random.
 *
 * @module
 */
import { Tokenizer } from "../../mod.ts";
import { smallMerges, smallTokens } from "../tokenizer/small_vocabulary.ts";
import { RandomProgram } from "./random_program.ts";

/** The tokenizer of the models. */
export const tokenizer: Tokenizer = new Tokenizer({ tokens: smallTokens, merges: smallMerges });

/** What is written in the constraints: possible, impossible, and wrong. */
const CONSTRAINTS: readonly object[] = [
  ...[{ choices: ["hello", "he", " he"] }, { choices: ["ab"] }, { choices: [] }, { choices: [""] }],
  ...[{ regex: "[ab]{2,9}" }, { regex: /h(e|l)+o?/i }, { regex: "(" }, { regex: "(?=a)b" }],
  ...[{ jsonSchema: { type: "boolean" } }, { jsonSchema: { type: "x" } }, {
    regex: "a",
    choices: ["a"],
  }],
];

const PROMPTS = [
  "hello",
  "",
  " he",
  "<|endoftext|>",
  "hell\u{1F600}",
  "he he he he he he he he he",
];

/** A random program that has such arguments. */
export abstract class RandomTextArguments extends RandomProgram {
  /** What is to be written: possible, impossible, or wrong. */
  protected constraint() {
    return this.choose(CONSTRAINTS);
  }

  protected tokenRules() {
    return this.choose([
      { badWords: this.wild([this.prompt(2)]) },
      { suppressTokens: this.wild(this.tokens(0, 50)) },
      { minNewTokens: this.wild(2) },
      { forcedStart: this.prompt(3) },
    ]);
  }

  protected beams() {
    const numBeams = this.wild(this.number(1, 4));
    const lengthPenalty = this.wild(this.number(-1, 2));
    const earlyStopping = this.wild(this.choose([true, false, "never" as const]));
    return { numBeams, lengthPenalty, earlyStopping, seed: undefined };
  }

  protected sampling() {
    return {
      seed: this.wild(this.number(0, 9)),
      ...(this.chance(0.3) ? { temperature: this.wild(0.7) } : {}),
      ...(this.chance(0.2) ? { topK: this.wild(5) } : {}),
      ...(this.chance(0.2) ? { topP: this.wild(0.5) } : {}),
      ...(this.chance(0.2) ? { greedy: this.wild(true) } : {}),
      ...(this.chance(0.2) ? { repetitionPenalty: this.wild(1.3) } : {}),
      ...(this.chance(0.1) ? { noRepeatNgramSize: this.wild(1) } : {}),
    };
  }

  /** Errors of the package say what cannot be done. Others are those of a mistake in it. */
  protected override fail(error: unknown): void {
    const isOurs = error instanceof Error &&
      (error.message.startsWith("Cannot ") || error.name === "AbortError");
    if (!isOurs) throw error;
    super.fail(error);
  }

  protected signalOption(): { signal?: AbortSignal } {
    if (this.chance(0.05)) return this.wild({}, 0.5);
    if (this.chance(0.6)) return {};
    const signal = this.newSignal();
    const controller = this.controllers[this.controllers.length - 1];
    this.choose([
      ...this.times(16, () => {}),
      () => queueMicrotask(() => controller.abort()),
      () => queueMicrotask(() => controller.abort()),
      () => setTimeout(() => controller.abort()),
      () => controller.abort(),
    ])();
    return { signal: this.wild(signal, 0.03) };
  }

  protected prompt(maxLength = 14): string | number[] {
    return this.wild(
      this.chance(0.3) ? this.choose(PROMPTS) : this.tokens(this.chance(0.1) ? 0 : 1, maxLength),
      0.04,
    );
  }

  protected tokens(minLength: number, maxLength: number): number[] {
    const length = this.number(minLength, this.chance(0.05) ? 120 : maxLength);
    return Array.from({ length }, () => this.chance(0.003) ? 264 : this.number(0, 263));
  }
}
