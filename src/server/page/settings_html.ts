/**
 * The controls of sampling.
 *
 * @module
 */

/** A number that one sets. */
interface Control {
  /** The field of a request. */
  readonly name: string;
  readonly label: string;
  /** What it does. */
  readonly hint: string;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly value: number | "";
  /** Whether greedy writing has no use for it. */
  readonly isForDrawing?: boolean;
}

/** What can be set, with what it is at first: as `generate` has it. */
const CONTROLS: readonly Control[] = [
  {
    name: "max_tokens",
    label: "Tokens at a time",
    hint: "Continue writes at most so many.",
    min: 1,
    max: 4096,
    step: 1,
    value: 64,
  },
  {
    name: "temperature",
    label: "Temperature",
    hint: "The lower, the more predictable.",
    min: 0.05,
    max: 3,
    step: 0.05,
    value: 1,
    isForDrawing: true,
  },
  {
    name: "top_k",
    label: "Top-k",
    hint: "Draws from so many of the likeliest; 0: from all.",
    min: 0,
    max: 1000,
    step: 1,
    value: 50,
    isForDrawing: true,
  },
  {
    name: "top_p",
    label: "Top-p",
    hint: "Draws from the likeliest that hold this much of the probability; 1: from all.",
    min: 0.01,
    max: 1,
    step: 0.01,
    value: 1,
    isForDrawing: true,
  },
  {
    name: "min_p",
    label: "Min-p",
    hint: "Leaves out what is less likely than this times the likeliest; 0: nothing.",
    min: 0,
    max: 1,
    step: 0.01,
    value: 0,
    isForDrawing: true,
  },
  {
    name: "repetition_penalty",
    label: "Repetition penalty",
    hint: "Above 1, what was there before is less likely.",
    min: 0.5,
    max: 3,
    step: 0.05,
    value: 1,
  },
  {
    name: "seed",
    label: "Seed",
    hint: "The same seed gives the same text; empty: another each time.",
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    step: 1,
    value: "",
    isForDrawing: true,
  },
];

/** HTML. */
export function settingsHtml(): string {
  return `<form id="controls" autocomplete="off">
<div class="control">
<label for="greedy">Greedy</label>
<input id="greedy" name="greedy" type="checkbox" aria-describedby="greedy-hint">
<p class="hint" id="greedy-hint">Always takes the likeliest token.</p>
</div>
${CONTROLS.map(controlHtml).join("")}<div class="control wide">
<label for="stop-texts">Stop before</label>
<textarea id="stop-texts" name="stop" rows="2" spellcheck="false" aria-describedby="stop-hint"></textarea>
<p class="hint" id="stop-hint">A text on each line; \\n stands for a new line.</p>
</div>
<button type="reset">As at first</button>
</form>`;
}

function controlHtml(
  { name, label, hint, min, max, step, value, isForDrawing }: Control,
): string {
  return `<div class="control">
<label for="${name}">${label}</label>
<input id="${name}" name="${name}" type="number" inputmode="decimal" min="${min}" max="${max}" step="${step}" value="${value}"${
    isForDrawing ? " data-drawing" : ""
  } aria-describedby="${name}-hint">
<p class="hint" id="${name}-hint">${hint}</p>
</div>
`;
}
