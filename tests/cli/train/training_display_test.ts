import { assert, assertEquals, assertMatch } from "@std/assert";
import { TrainingDisplay } from "../../../src/cli/train/training_display.ts";
import { INITIAL_STATUS } from "../../../src/cli/train/training_line.ts";
import { logLines } from "../../../src/cli/train/training_log.ts";
import { textWidth } from "../../../src/cli/terminal/text_width.ts";
import type { OutputOptions } from "../../../src/cli/terminal/io.ts";
import type { TrainingEvent } from "../../../src/training/training_event.ts";
import { beginOf, plausibleRun, stepOf } from "../../training/plausible_run.ts";
import { keptOutput } from "../terminal/kept_output.ts";

const STATUS = { ...INITIAL_STATUS, numSteps: 2000 };

/** What is written of events, write by write. */
async function shown(
  events: readonly TrainingEvent[],
  options: { logEvery?: number; isJson?: boolean } & Partial<OutputOptions> = {},
): Promise<string[]> {
  const { logEvery = 100, isJson = false, ...outputOptions } = options;
  const { output, writes } = keptOutput(outputOptions);
  const display = new TrainingDisplay(output, { logEvery, isJson });
  for (const event of events) await display.show(event);
  await display.clear();
  return [...writes];
}

/** The lines of an event, without looks. */
function linesOf(event: TrainingEvent, width = 80): string[] {
  return logLines(event, STATUS, width).map((line) =>
    line.map((part) => typeof part === "string" ? part : part[0]).join("")
  );
}

Deno.test("TrainingDisplay writes a line for every so many steps and each other event where lines stay", async () => {
  const text = (await shown(plausibleRun(), { logEvery: 500 })).join("");
  const steps = text.match(/^step [\d,]+ of 2,000: loss [\d.]+, [\d,]+ tokens\/s/gm);
  assertEquals(steps?.map((line) => line.split(" ")[1]), ["1", "500", "1,000", "1,500", "2,000"]);
  // The loss of a step that has a line already is not told twice.
  assertEquals(text.match(/^step .*: loss .*, validation loss /gm)?.length, 4);
  assertEquals(text.match(/^step .*: validation loss /gm)?.length, 4);
  assertEquals(text.match(/^step .*, a sample:\n {2}\| ROMEO:$/gm)?.length, 8);
  assertEquals(text.match(/saved the best model in out\/best$/gm)?.length, 6);
  assertEquals(
    text.match(/saved the state to go on from in out\/state\.safetensors$/gm)?.length,
    8,
  );
  assertMatch(text, /^training 809,856 weights on 1,003,854 tokens/);
  assertMatch(
    text,
    /\nfinished 2,000 steps in 1:08; lowest validation loss 1\.\d{4}, after .* steps\n$/,
  );
  assert(!text.includes("\x1b") && !text.includes("\r"));
});

Deno.test("TrainingDisplay changes one line on a terminal, and leaves evaluations and samples above it", async () => {
  const terminal = { isTerminal: true, isDecorated: true, numColumns: () => 60 };
  const writes = await shown(plausibleRun({ numSteps: 500 }), terminal);
  const changing = writes.filter((text) => text.startsWith("\r"));
  const lines = changing.map((text) => text.slice(1).replace("\x1b[K", ""));
  assert(
    lines.some((line) => /^step \d+ of 500 {2}loss \d\.\d{4} {2}val /.test(line)),
    lines.join("\n"),
  );
  assert(lines.every((line) => line.length < 60));
  assertEquals(lines.at(-1), "");
  const kept = writes.filter((text) => !text.startsWith("\r")).join("");
  assertEquals(kept.match(/^step .*validation loss \d/gm)?.length, 7);
  assertEquals(kept.match(/tokens\/s/g), null);
  assertEquals(kept.match(/state\.safetensors/g), null);
  // A line that stays begins where the one that changes was taken away.
  for (const [i, text] of writes.entries()) {
    if (i > 0 && !text.startsWith("\r") && writes[i - 1].startsWith("\r")) {
      assertEquals(writes[i - 1], "\r\x1b[K");
    }
  }
});

Deno.test("TrainingDisplay changes no line on a terminal where NO_COLOR is set", async () => {
  const options = { isTerminal: true, isDecorated: false, numColumns: () => 60 };
  const text = (await shown(plausibleRun({ numSteps: 200 }), options)).join("");
  assert(!text.includes("\r") && !text.includes("\x1b"));
  assertMatch(text, /^step 100 of 200: /m);
});

Deno.test("TrainingDisplay writes events as JSON lines, of steps every so many", async () => {
  const events = plausibleRun({ numSteps: 300 });
  const terminal = { isTerminal: true, isDecorated: true };
  const lines = (await shown(events, { isJson: true, ...terminal })).join("").trimEnd().split("\n");
  const expected = events.filter((event) =>
    event.kind !== "step" || event.step === 1 || event.step % 100 === 0
  );
  assertEquals(lines.map((line) => JSON.parse(line)), expected);
});

Deno.test("TrainingDisplay tells of the first step that is done after a run went on", async () => {
  const text = (await shown([beginOf(1000, 550), stepOf(551, 1000), stepOf(552, 1000)])).join("");
  assertMatch(text, /^going on to train 809,856 weights.*: steps 551 to 1,000 of 768 tokens/);
  assertEquals(text.match(/^step .*/gm)?.map((line) => line.slice(0, 17)), ["step 551 of 1,000"]);
});

Deno.test("logLines() quotes a sample line by line, cut to the width, and no more than eight lines", () => {
  const sample = {
    kind: "sample",
    step: 1,
    prompt: "To be,",
    text: " or 漢字漢字漢字漢字",
  } as const;
  assertEquals(linesOf(sample, 20), ["step 1, a sample:", "  | To be, or 漢字…"]);
  for (let width = 8; width < 40; width++) {
    assert(linesOf(sample, width).slice(1).every((line) => textWidth(line) <= width));
  }
  const long = linesOf({ ...sample, text: "\nx".repeat(20) });
  assertEquals(long.length, 9);
  assertEquals(long.at(-1), "  | ... 14 lines more");
  const shouted = linesOf({ ...sample, prompt: "\n", text: "\n \nO!\n\nAh" });
  assertEquals(shouted.slice(1), ["  | O!", "  | ", "  | Ah"]);
  assertEquals(linesOf({ ...sample, prompt: "", text: "" }), ["step 1, a sample:", "  | "]);
});

Deno.test("logLines() keeps what a model writes from driving the terminal", async () => {
  const text = "\x1b[2J\rgone\r\n\u202eback\tx";
  const event = { kind: "sample", step: 1, prompt: "\x07", text } as const;
  const written = (await shown([event])).join("");
  assertEquals(
    written,
    "step 1, a sample:\n  | \\u{7}\\u{1b}[2J\n  | gone\n  | \\u{202e}back    x\n",
  );
});

Deno.test("logLines() says how a run ended", () => {
  const end = { kind: "end", step: 812, elapsedMs: 61_000 } as const;
  const best = { step: 750, loss: 1.9 };
  assertEquals(
    linesOf({ ...end, reason: "stopped", best })[0],
    "stopped after 812 steps in 1:01, 1,188 to go; lowest validation loss 1.9000, after 750 steps",
  );
  assertEquals(
    linesOf({ ...end, reason: "diverged" })[0],
    "diverged after 812 steps in 1:01: the next loss is no finite number",
  );
});

Deno.test("logLines() tells the steps of a run that went on apart from those before", () => {
  const event = { kind: "end", step: 812, elapsedMs: 61_000, reason: "finished" } as const;
  const status = { ...STATUS, earlier: { step: 800, elapsedMs: 60_000 } };
  assertEquals(
    logLines(event, status, 80)[0].join(""),
    "finished 12 steps in 0:01 (with those before, 812 steps in 1:01)",
  );
});

Deno.test("logLines() says how many of the weights are trained, and leaves out what is not known", () => {
  const { numTrainTokens: _, numValidationTokens: __, ...begin } = beginOf(100);
  assertEquals(
    linesOf({ ...begin, numTrained: 1000 })[0],
    "training 1,000 of 809,856 weights: 100 steps of 768 tokens, 24.3 MB beside the weights",
  );
});
