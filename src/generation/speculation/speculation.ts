/**
 * Guessing what comes next, and checking several guesses in one pass.
 *
 * A drafted token is right if it is the one that is drawn at its place from the model's own logits, with the usual options
 * and the usual random number. So a text is the same with and without drafts. That is also what makes it exact: what is drawn
 * does not depend on the draft, unlike in Leviathan et al., 2023 (<https://arxiv.org/abs/2211.17192>), who draw anew where a
 * draft is refused, keep its distribution but not the text, and accept a little more.
 *
 * @module
 */
import type { Engine } from "../../engine/engine.ts";
import {
  Acceptance,
  allotDrafts,
  BELIEF_IN_LOOKUP,
  BELIEF_IN_MODEL,
  MAX_DRAFT,
} from "./draft_budget.ts";
import type { DraftedText } from "./drafted_text.ts";
import { lookUpDraft } from "./look_up_draft.ts";
import { ModelDrafts } from "./model_drafts.ts";

/** What became of a draft. */
export interface DraftResult {
  /** How many tokens were drafted. */
  readonly numDrafted: number;
  /** How many of them were right, and are in the text. */
  readonly numAccepted: number;
}

/** How to speculate. */
export interface SpeculationSettings {
  /** Of the draft model; without one, drafts are looked up in the text. */
  readonly draftEngine: Engine | undefined;
  /** What drafting a token takes, as a share of what writing one takes. */
  readonly draftCost: number;
  readonly vocabSize: number;
  readonly signal: AbortSignal | undefined;
  readonly onDraft: ((result: DraftResult) => void) | undefined;
}

/** A draft whose tokens are being checked. */
interface Pending {
  readonly draft: readonly number[];
  /** Where the text ended before it. */
  readonly start: number;
}

/** Drafts for the texts of one call of `generate()`, as many tokens as it pays. */
export class Speculation implements Disposable {
  readonly #settings: SpeculationSettings;
  readonly #model: ModelDrafts | undefined;
  readonly #acceptances = new Map<DraftedText, Acceptance>();
  readonly #pending = new Map<DraftedText, Pending>();
  #logits = new Float32Array(0);

  /** @param settings see {@linkcode SpeculationSettings} */
  constructor(settings: SpeculationSettings) {
    this.#settings = settings;
    const { draftEngine } = settings;
    this.#model = draftEngine && new ModelDrafts(draftEngine);
  }

  /**
   * Has texts read a draft along with what they read next.
   *
   * @throws {TypeError} if the draft model has been disposed of
   * @throws {DOMException} `AbortError` (or the signal's own reason)
   */
  async draft(texts: readonly DraftedText[]): Promise<void> {
    const found = texts.map((text) =>
      this.#model === undefined ? lookUpDraft(text.tokens, MAX_DRAFT) : undefined
    );
    const draftable = texts.map((text, i) => ({
      probability: this.#acceptanceOf(text).probability,
      most: Math.min(text.mostDrafted, found[i]?.length ?? MAX_DRAFT),
    }));
    const counts = allotDrafts(draftable, this.#settings.draftCost);
    const drafts = await this.#model?.draft(texts, counts, this.#settings.signal) ??
      found.map((draft, i) => draft!.slice(0, counts[i]));
    const { vocabSize } = this.#settings;
    const numRows = drafts.reduce((sum, { length }) => sum + length + 1, 0);
    const needed = numRows * vocabSize;
    if (this.#logits.length < needed) this.#logits = new Float32Array(needed);
    let row = 0;
    for (const [i, text] of texts.entries()) {
      const draft = drafts[i];
      if (draft.length === 0) {
        if (draftable[i].most > 0) this.#acceptanceOf(text).rest();
        continue;
      }
      const end = row + draft.length + 1;
      text.draft(draft, this.#logits.subarray(row * vocabSize, end * vocabSize));
      row = end;
      this.#pending.set(text, { draft, start: text.tokens.length });
    }
  }

  /** Looks what became of a text's draft, once its tokens are chosen. */
  learn(text: DraftedText): void {
    const { draft, start } = this.#pending.get(text) ?? { draft: [], start: 0 };
    this.#pending.delete(text);
    const numDrafted = draft.length;
    if (numDrafted > 0) {
      const numAccepted = draft.findIndex((id, i) => id !== text.tokens[start + i]);
      const result = { numDrafted, numAccepted: numAccepted === -1 ? numDrafted : numAccepted };
      this.#acceptanceOf(text).learn(result.numDrafted, result.numAccepted);
      this.#settings.onDraft?.(result);
    }
    if (!text.isFinished) return;
    this.#acceptances.delete(text);
    this.#model?.forget(text);
  }

  /** Frees what the draft model remembers. */
  [Symbol.dispose](): void {
    this.#model?.[Symbol.dispose]();
  }

  #acceptanceOf(text: DraftedText): Acceptance {
    const belief = this.#model === undefined ? BELIEF_IN_LOOKUP : BELIEF_IN_MODEL;
    const known = this.#acceptances.get(text) ?? new Acceptance(belief);
    this.#acceptances.set(text, known);
    return known;
  }
}
