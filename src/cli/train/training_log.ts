/**
 * A training run as lines of a log.
 *
 * @module
 */
import type {
  RunBegins,
  RunEnds,
  Sampled,
  Saved,
  TrainingEvent,
} from "../../training/training_event.ts";
import type { StyledText } from "../terminal/io.ts";
import { lineText, terminalText } from "../terminal/terminal_text.ts";
import { cutText } from "../terminal/text_width.ts";
import { bytesText, clockText, countText, numberText } from "../terminal/units.ts";
import { leftText, lossText, rateTexts, speedText, type TrainingStatus } from "./training_line.ts";

/** A line, in parts that may look in some way. */
export type LogLine = readonly StyledText[];

const MAX_SAMPLE_LINES = 8;
/** Before each line of what the model has written. */
const QUOTE = "  | ";

/**
 * What a log has to say of an event.
 *
 * @param status what is known after it
 * @param width how many cells of a terminal a line of what the model has written may take
 * @param isStepTold whether the last line is of the same step, with its loss
 */
export function logLines(
  event: TrainingEvent,
  status: TrainingStatus,
  width: number,
  isStepTold = false,
): LogLine[] {
  const { numSteps } = status;
  switch (event.kind) {
    case "begin":
      return [[beginText(event)]];
    case "step": {
      const { loss, tokensPerSecond, remainingMs } = event;
      const parts = [
        `loss ${lossText(loss)}`,
        speedText(tokensPerSecond),
        `${leftText(remainingMs)} left`,
        ...rateTexts(event),
      ];
      return [[`step ${numberText(event.step)} of ${numberText(numSteps)}: ${parts.join(", ")}`]];
    }
    case "evaluation": {
      const { step, loss, bitsPerByte, isBest } = event;
      const bits = bitsPerByte === undefined ? "" : ` (${bitsPerByte.toFixed(3)} bits per byte)`;
      return [[
        `step ${numberText(step)} of ${numberText(numSteps)}: `,
        ...status.loss === undefined || isStepTold ? [] : [`loss ${lossText(status.loss)}, `],
        [`validation loss ${lossText(loss)}`, "bold"],
        bits,
        ...isBest ? [", ", ["the best so far", "good"]] as const : [],
      ]];
    }
    case "sample":
      return sampleLines(event, width);
    case "saved":
      return [[savedText(event)]];
    case "end":
      return [[endText(event, status)]];
  }
}

function beginText(event: RunBegins): string {
  const { step, settings, numParameters, numTrained, numTrainTokens, numValidationTokens } = event;
  const { numSteps, batchSize, accumulation, seqLength } = settings;
  const weights = numTrained === numParameters
    ? countText(numParameters, "weight")
    : `${numberText(numTrained)} of ${countText(numParameters, "weight")}`;
  const data = numTrainTokens === undefined ? "" : ` on ${countText(numTrainTokens, "token")}`;
  const validation = numValidationTokens === undefined
    ? ""
    : ` (and ${numberText(numValidationTokens)} for validation)`;
  const steps = step === 0
    ? countText(numSteps, "step")
    : `steps ${numberText(step + 1)} to ${numberText(numSteps)}`;
  const tokens = numberText(batchSize * accumulation * seqLength);
  return `${step === 0 ? "training" : "going on to train"} ${weights}${data}${validation}: ` +
    `${steps} of ${tokens} tokens, ${bytesText(event.memoryBytes)} beside the weights`;
}

/** What was to be continued, and what the model has written, as a quoted block: its first lines, each cut to the width. */
function sampleLines({ step, prompt, text }: Sampled, width: number): LogLine[] {
  // A carriage return would put what follows into the same line.
  const [promptLines, textLines] = [prompt, text].map((each) => each.split(/\r\n|\n|\r/));
  const last = promptLines.length - 1;
  const all = [
    ...promptLines.slice(0, last).map((line) => [line, ""]),
    [promptLines[last], textLines[0]],
    ...textLines.slice(1).map((line) => ["", line]),
  ];
  // Models of texts with lines begin with line ends.
  const lines = all.slice(Math.max(0, all.findIndex((line) => line.join("").trim() !== "")));
  const numShown = lines.length > MAX_SAMPLE_LINES ? MAX_SAMPLE_LINES - 1 : lines.length;
  const room = width - QUOTE.length;
  return [
    [`step ${numberText(step)}, a sample:`],
    ...lines.slice(0, numShown).map((line): LogLine => {
      const [given, written] = line.map(cellText);
      const shown = cutText(given + written, room);
      const [before, rest] = [shown.slice(0, given.length), shown.slice(given.length)];
      return [[QUOTE, "faint"], ...before === "" ? [] : [[before, "faint"]] as const, rest];
    }),
    ...numShown < lines.length
      ? [[[`${QUOTE}... ${countText(lines.length - numShown, "line")} more`, "faint"]] as LogLine]
      : [],
  ];
}

/** A part of a line of which each character takes the cells it seems to take. */
function cellText(text: string): string {
  return terminalText(text.replaceAll("\t", "    "));
}

function savedText({ step, what, path }: Saved): string {
  const things = { state: "the state to go on from", best: "the best model", last: "the model" };
  return `step ${numberText(step)}: saved ${things[what]} in ${lineText(path)}`;
}

function endText(
  { step, reason, best, elapsedMs }: RunEnds,
  { numSteps, earlier = { step: 0, elapsedMs: 0 } }: TrainingStatus,
): string {
  const done = (count: number, ms: number) =>
    `${countText(count, "step")} in ${clockText(ms / 1000)}`;
  const all = earlier.step === 0 ? "" : ` (with those before, ${done(step, elapsedMs)})`;
  const steps = done(step - earlier.step, elapsedMs - earlier.elapsedMs) + all;
  const ends = {
    finished: `finished ${steps}`,
    stopped: `stopped after ${steps}, ${numberText(Math.max(0, numSteps - step))} to go`,
    diverged: `diverged after ${steps}: the next loss is no finite number`,
  };
  const lowest = best === undefined
    ? ""
    : `; lowest validation loss ${lossText(best.loss)}, after ${countText(best.step, "step")}`;
  return ends[reason] + lowest;
}
