import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { trainingReport } from "../../../src/training/report/training_report.ts";
import { TRAINING_REPORT_SCRIPT } from "../../../src/training/report/training_report_script.ts";
import type { TrainingEvent } from "../../../src/training/training_event.ts";
import { beginOf, plausibleRun, stepOf } from "../plausible_run.ts";

const OPTIONS = { title: "nano", now: new Date("2026-11-28T18:59:30Z") };

function reportOf(events: readonly TrainingEvent[]): string {
  return trainingReport(events, OPTIONS);
}

/** What the page's script reads. */
function dataOf(html: string) {
  return JSON.parse(
    html.match(/<script type="application\/json" id="data">([^<]*)<\/script>/)![1],
  );
}

/** The text of a page's body, without marks and what the script reads. */
function textOf(html: string): string {
  return html.replace(/<(script|style)[^]*?<\/\1>/g, "").replace(/<[^>]*>/g, " ").replace(
    /\s+/g,
    " ",
  );
}

/** Steps from one to another, of 2,000. */
function stepsOf(first: number, last: number) {
  return Array.from({ length: last - first + 1 }, (_, i) => stepOf(first + i, 2000));
}

Deno.test("trainingReport() holds every step, evaluation and sample of a short run", () => {
  const events = plausibleRun();
  const html = reportOf(events);
  const { steps, evaluations, best, numMeanSteps, seams, gradientClip } = dataOf(html);
  const done = events.filter((event) => event.kind === "step");
  assertEquals(steps.step, done.map(({ step }) => step));
  assertEquals(steps.loss, done.map(({ loss }) => Number(loss.toPrecision(5))));
  assertEquals(numMeanSteps, 33);
  const mean = done.slice(-33).reduce((sum, { loss }) => sum + loss, 0) / 33;
  assertEquals(steps.mean.at(-1), Number(mean.toPrecision(5)));
  for (const values of Object.values<number[]>(steps)) assertEquals(values.length, 2000);
  const evaluated = events.filter((event) => event.kind === "evaluation");
  assertEquals(evaluations.step, evaluated.map(({ step }) => step));
  assertEquals([best.step, seams, gradientClip], [1500, [], 1]);
  assertEquals(html.match(/<details/g)?.length, 8);
  assertMatch(html, /<details open><summary>After 2,000 steps, validation loss 1\.6459</);
});

Deno.test("trainingReport() says how it went, and how it was trained", () => {
  const text = textOf(reportOf(plausibleRun()));
  assertStringIncludes(text, "Finished: 2,000 of 2,000 steps in 1 min 08 s. Training loss 1.");
  assertMatch(text, /Best validation loss 1\.6264 \(2\.346 bits per byte\), after 1,500 steps\./);
  assertStringIncludes(text, "Written 2026-11-28 18:59 UTC");
  for (
    const row of [
      "weights 809,856",
      "embeddingDim 128",
      "memory beside the weights 24.3 MB",
      "tokens in a step 768",
      "tokens seen so far 1,536,000",
      "that is, of the data 1.53 times",
      "learningRate 0.001",
      "betas 0.9, 0.99",
      "freeze none",
      "began 2026-11-28 18:00 UTC",
      "ended finished",
      "best validation loss 1.6264, step 1,500",
    ]
  ) assertStringIncludes(text, row);
});

Deno.test("trainingReport() has the numbers of each evaluation in a table", () => {
  const html = reportOf(plausibleRun());
  const rows = html.slice(html.lastIndexOf("<thead>")).match(/<tr><th scope="row">.*<\/tr>/g)!;
  assertEquals(rows.length, 19);
  const text = rows.map(textOf);
  assert(text.some((row) => /^ 1,500 1\.\d{4} 1\.6264 \(best\) 2\.3465 2\.46e-4 0\.41 /.test(row)));
  assertMatch(text[0], /^ 1 4\.\d{4} – – 9\.90e-6 3\.91 22,285 0 s $/);
});

Deno.test("trainingReport() keeps titles, prompts, samples and settings out of the markup", () => {
  const nasty = `</script><script>alert(1)</script><!--</blockquote>"&amp;\u2028`;
  const begin = beginOf(2);
  const html = trainingReport([
    {
      ...begin,
      config: { [nasty]: nasty },
      settings: { ...begin.settings, freeze: [nasty] },
      time: nasty,
    },
    stepOf(1, 2),
    { kind: "sample", step: 1, prompt: nasty, text: nasty },
  ], { ...OPTIONS, title: nasty });
  assertEquals(html.match(/<script/g)?.length, 2);
  assertEquals(html.match(/<!--/g), null);
  assertEquals(html.match(/<\/blockquote>/g)?.length, 1);
  const escaped = "&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;!--&lt;/blockquote&gt;" +
    "&quot;&amp;amp;\u2028";
  assertStringIncludes(html, `<b>${escaped}</b>${escaped}</blockquote>`);
  assertStringIncludes(html, `<h1>Training of ${escaped}</h1>`);
});

Deno.test("trainingReport() of 20,000 steps is smaller than 1 MB, with every spike", () => {
  const events = plausibleRun({ numSteps: 20_000 }).map((event) =>
    event.kind === "step" && event.step === 12_345 ? { ...event, loss: 12.5 } : event
  );
  const html = reportOf(events);
  const { steps } = dataOf(html);
  assert(html.length < 500_000, `${html.length}`);
  assert(steps.step.length <= 2001);
  assertEquals([steps.step[0], steps.step.at(-1)], [1, 20_000]);
  assertEquals(steps.loss[steps.step.indexOf(12_345)], 12.5);
});

Deno.test("trainingReport() stays small with evaluations and long samples at every step", () => {
  const events: TrainingEvent[] = [beginOf(2000)];
  for (const step of stepsOf(1, 2000)) {
    const loss = Math.abs(step.step - 777) + 1;
    const evaluation = { step: step.step, loss, numTokens: 9, isBest: step.step <= 777 };
    events.push(step, { kind: "evaluation", ...evaluation });
    events.push({ kind: "sample", step: step.step, prompt: "p", text: "😀".repeat(5000) });
  }
  const html = reportOf(events);
  assert(new TextEncoder().encode(html).length < 1_000_000);
  assertEquals(html.match(/<blockquote/g)?.length, 100);
  assertStringIncludes(html, "<p>100 of 2,000; all are in the log.</p>");
  assert(html.isWellFormed());
  const { evaluations, best } = dataOf(html);
  assertEquals(best, { step: 777, loss: 1 });
  assert(evaluations.step.includes(777));
});

Deno.test("trainingReport() shows where a run went on, and how each part ended", () => {
  const html = reportOf([
    beginOf(2000),
    ...stepsOf(1, 812),
    { kind: "end", step: 812, reason: "stopped", elapsedMs: 27_000 },
    beginOf(2000, 812),
    ...stepsOf(813, 900),
    beginOf(2000, 850),
    ...stepsOf(851, 1000),
  ]);
  assertEquals(dataOf(html).seams, [812, 850]);
  assertEquals(dataOf(html).steps.step.length, 1000);
  const text = textOf(html);
  assertMatch(text, /Run 1 of 3 .* ended stopped .* Run 2 of 3 .* ended it was killed Run 3 of 3/);
  assertStringIncludes(text, "ended not yet, or it was killed");
  assertStringIncludes(text, "1,000 of 2,000 steps in 34 s so far, about 34 s left.");
});

Deno.test("trainingReport() of a run that has ended says the time that the run says", () => {
  const steps = [beginOf(2000), ...stepsOf(1, 812)];
  const elapsedMs = 30_000;
  const end: TrainingEvent = { kind: "end", step: 812, reason: "stopped", elapsedMs };
  const text = textOf(reportOf([...steps, end]));
  assertStringIncludes(text, "Stopped after 812 of 2,000 steps in 30 s.");
  assertStringIncludes(text, "time in all 30 s");
  // The time of an end is not that of steps after it.
  const resumed = textOf(reportOf([...steps, end, beginOf(2000, 812), ...stepsOf(813, 1000)]));
  assertStringIncludes(resumed, "1,000 of 2,000 steps in 34 s so far");
});

Deno.test("trainingReport() shows a run that diverged, as its log has it", () => {
  const events: TrainingEvent[] = [
    beginOf(2000),
    ...stepsOf(1, 300),
    { ...stepOf(301, 2000), loss: NaN, gradientNorm: Infinity },
    { kind: "end", step: 301, reason: "diverged", elapsedMs: 10_000 },
  ];
  for (const each of [events, JSON.parse(JSON.stringify(events))]) {
    const html = reportOf(each);
    assertEquals(dataOf(html).steps.loss.at(-1), null);
    assert(dataOf(html).steps.mean.every((mean: number | null) => mean !== null));
    assertStringIncludes(textOf(html), "Diverged after 301 of 2,000 steps in 10 s: the next loss");
  }
});

Deno.test("trainingReport() does without validation data, samples, steps, and events", () => {
  const unvalidated = plausibleRun({ isValidated: false }).filter(({ kind }) => kind !== "sample");
  const html = reportOf(unvalidated);
  assertEquals([dataOf(html).best, dataOf(html).evaluations], [null, { step: [], loss: [] }]);
  assertStringIncludes(html, "The model was to write nothing.");
  const begun = reportOf([beginOf(100)]);
  assertStringIncludes(textOf(begun), "0 of 100 steps so far.");
  assertEquals(begun.includes('id="charts"'), false);
  assertStringIncludes(textOf(reportOf([])), "Nothing has happened yet.");
});

Deno.test("trainingReport() shows one evaluation before the first step", () => {
  const evaluation = {
    kind: "evaluation",
    step: 0,
    loss: 4.2,
    numTokens: 9,
    isBest: false,
  } as const;
  const html = reportOf([beginOf(100), evaluation]);
  assertEquals(dataOf(html).evaluations, { step: [0], loss: [4.2] });
  assertStringIncludes(html, 'id="charts"');
});

Deno.test("the script of trainingReport() is JavaScript, and asks nobody for anything", () => {
  new Function(TRAINING_REPORT_SCRIPT);
  assertEquals(
    /fetch|XMLHttp|import|https?:(?!\/\/www\.w3\.org\/2000\/svg)/.test(TRAINING_REPORT_SCRIPT),
    false,
  );
  assertEquals(TRAINING_REPORT_SCRIPT.includes("</script"), false);
});
