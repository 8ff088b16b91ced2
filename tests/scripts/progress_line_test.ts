import { assertEquals } from "@std/assert";
import { ProgressLine, type ProgressSurroundings } from "../../scripts/progress_line.ts";

/** A terminal, or a log, whose time passes when it is told to. */
class FakeOutput implements ProgressSurroundings {
  written = "";
  #now = 0;
  #repeated?: { action: () => void; everyMs: number; next: number };

  constructor(readonly isTerminal: boolean, readonly columns = 80) {}

  write(text: string): void {
    this.written += text;
  }

  now(): number {
    return this.#now;
  }

  repeat(action: () => void, everyMs: number): () => void {
    this.#repeated = { action, everyMs, next: this.#now + everyMs };
    return () => this.#repeated = undefined;
  }

  pass(seconds: number): void {
    const end = this.#now + seconds * 1000;
    while (this.#repeated !== undefined && this.#repeated.next <= end) {
      this.#now = this.#repeated.next;
      this.#repeated.next += this.#repeated.everyMs;
      this.#repeated.action();
    }
    this.#now = end;
  }

  /** What was written since the last time. */
  take(): string {
    const written = this.written;
    this.written = "";
    return written;
  }
}

Deno.test("ProgressLine writes a line every ten seconds where there is no terminal", () => {
  const output = new FakeOutput(false);
  const progress = new ProgressLine(output);
  progress.show("Building");
  assertEquals(output.take(), "Building ...\n");
  output.pass(9);
  assertEquals(output.take(), "");
  output.pass(1);
  assertEquals(output.take(), "Building ... 10 s\n");
  for (let step = 1; step <= 47; step++) {
    progress.show("Building", step / 188, `${step} of 188 steps`);
  }
  assertEquals(output.take(), "");
  output.pass(20);
  assertEquals(
    output.take(),
    "Building: 25 %, 47 of 188 steps, 20 s\nBuilding: 25 %, 47 of 188 steps, 30 s\n",
  );
  progress.print("Built.");
  assertEquals(output.take(), "Built.\n");
  output.pass(100);
  assertEquals(output.take(), "");
});

Deno.test("ProgressLine begins anew with each activity", () => {
  const output = new FakeOutput(false);
  const progress = new ProgressLine(output);
  progress.show("Fetching");
  output.pass(15);
  progress.show("Building");
  output.pass(10);
  assertEquals(output.take(), "Fetching ...\nFetching ... 10 s\nBuilding ...\nBuilding ... 10 s\n");
});

Deno.test("ProgressLine shows a bar on a terminal, and how long it has been", () => {
  const output = new FakeOutput(true);
  const progress = new ProgressLine(output);
  progress.show("Fetching");
  assertEquals(output.take(), "\rFetching ...");
  output.pass(2);
  assertEquals(output.take(), "\rFetching ... 1 s\rFetching ... 2 s");
  progress.show("Building", 0.5, "94 of 188 steps");
  assertEquals(
    output.take(),
    `\rBuilding [${"#".repeat(12)}${"-".repeat(12)}]  50 %, 94 of 188 steps`,
  );
  progress.print("Built.");
  assertEquals(output.take(), `\r${" ".repeat(58)}\rBuilt.\n`);
});

Deno.test("ProgressLine keeps to one line of a narrow terminal, of which the bar takes what is left", () => {
  const lines = [20, 50, 80, 120].map((columns) => {
    const output = new FakeOutput(true, columns);
    const progress = new ProgressLine(output);
    progress.show("Building the native library (once)", 0.5, "31 of 61 steps");
    output.pass(1);
    return output.take().split("\r").at(-1)!.trimEnd();
  });
  const facts = "50 %, 31 of 61 steps, 1 s";
  assertEquals(lines, [
    "Building the native",
    "Building the native library (once): 50 %, 31 of 6",
    `Building the native library (once) [${"#".repeat(8)}${"-".repeat(7)}]  ${facts}`,
    `Building the native library (once) [${"#".repeat(12)}${"-".repeat(12)}]  ${facts}`,
  ]);
});
