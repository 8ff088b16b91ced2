import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { TokenFile } from "../../../src/training/data/token_file.ts";
import {
  TrainingWindows,
  type TrainingWindowsOptions,
} from "../../../src/training/data/training_windows.ts";
import { validationWindows } from "../../../src/training/data/validation_windows.ts";
import { withFiles } from "./with_files.ts";

/** A file in which each token says where it is. */
async function withPlaces(length: number, test: (file: TokenFile) => void): Promise<void> {
  const bytes = new Uint8Array(Uint16Array.from({ length }, (_, i) => i).buffer);
  await withFiles({ "a.bin": bytes }, async (folder) => {
    using file = await TokenFile.open(`${folder}/a.bin`);
    test(file);
  });
}

function startsOf(windows: TrainingWindows, first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => windows.startOf(first + i));
}

Deno.test("TrainingWindows has every position once in an epoch, but for less than a context at both ends", async () => {
  for (const [length, contextLength] of [[1000, 7], [64, 8], [65, 8], [71, 8], [20, 9], [300, 1]]) {
    await withPlaces(length, (file) => {
      const windows = new TrainingWindows(file, { contextLength, seed: 5 });
      const size = windows.numWindowsPerEpoch;
      for (let epoch = 0; epoch < 5; epoch++) {
        const starts = startsOf(windows, epoch * size, size).sort((a, b) => a - b);
        const [first] = starts;
        assertEquals(starts, Array.from({ length: size }, (_, k) => first + k * contextLength));
        const numLeft = length - 1 - starts.at(-1)! - contextLength;
        assert(numLeft >= 0 && first + numLeft < 2 * contextLength, `${first} and ${numLeft}`);
      }
    });
  }
});

Deno.test("TrainingWindows begins each epoch elsewhere and has another order in it", () =>
  withPlaces(1000, (file) => {
    const windows = new TrainingWindows(file, { contextLength: 10, seed: 1 });
    const size = windows.numWindowsPerEpoch;
    const epochs = [0, 1, 2, 3, 4, 5, 6, 7].map((epoch) => startsOf(windows, epoch * size, size));
    assert(new Set(epochs.map((starts) => Math.min(...starts))).size > 3);
    const orders = epochs.map((starts) => starts.map((start) => Math.floor(start / 10)).join());
    assertEquals(new Set(orders).size, epochs.length);
    // Going back gives the same.
    assertEquals(startsOf(windows, size, size), epochs[1]);
  }));

Deno.test("TrainingWindows reaches every position in the course of epochs", () =>
  withPlaces(50, (file) => {
    const windows = new TrainingWindows(file, { contextLength: 8 });
    const targets = new Set(windows.batch(0, 500).targets);
    assertEquals(targets.size, 49);
  }));

Deno.test("TrainingWindows gives the same batch for the same step and seed, and another for another", () =>
  withPlaces(1000, (file) => {
    for (const sampling of ["epochs", "random"] as const) {
      const make = (seed?: number) =>
        new TrainingWindows(file, { contextLength: 10, seed, sampling });
      const windows = make(3);
      const batches = [0, 1, 2, 40].map((step) => windows.batch(step, 4));
      // In another order, and by another that has read nothing before.
      assertEquals(windows.batch(2, 4), batches[2]);
      assertEquals(make(3).batch(40, 4), batches[3]);
      assertNotEquals(make(4).batch(40, 4), batches[3]);
      assertNotEquals(batches[0], batches[1]);
      assertEquals(make().batch(1, 4), make(0).batch(1, 4));
    }
  }));

Deno.test("TrainingWindows gives the same windows in batches of any size", () =>
  withPlaces(1000, (file) => {
    for (const sampling of ["epochs", "random"] as const) {
      const windows = new TrainingWindows(file, { contextLength: 10, sampling });
      const whole = windows.batch(7, 12);
      const parts = [14, 15].map((step) => windows.batch(step, 6));
      assertEquals(whole.tokens, Int32Array.from(parts.flatMap(({ tokens }) => [...tokens])));
      assertEquals(whole.targets, Int32Array.from(parts.flatMap(({ targets }) => [...targets])));
    }
  }));

Deno.test("TrainingWindows has as targets the token after each", () =>
  withPlaces(1000, (file) => {
    const windows = new TrainingWindows(file, { contextLength: 10 });
    const { tokens, targets } = windows.batch(3, 5);
    assertEquals([tokens.length, targets.length], [50, 50]);
    assertEquals(targets, tokens.map((token) => token + 1));
    for (let row = 0; row < 5; row++) {
      const start = windows.startOf(15 + row);
      assertEquals(tokens[10 * row + 9], start + 9);
    }
  }));

Deno.test("TrainingWindows begins anywhere when it samples at random, as nanoGPT does", () =>
  withPlaces(20, (file) => {
    const windows = new TrainingWindows(file, { contextLength: 8, sampling: "random", seed: 2 });
    const counts = new Map<number, number>();
    for (const start of startsOf(windows, 0, 12_000)) {
      counts.set(start, (counts.get(start) ?? 0) + 1);
    }
    // From 0 to the last place with a token after its window, each 1,000 times within 5 standard deviations.
    assertEquals([...counts.keys()].sort((a, b) => a - b), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    for (const count of counts.values()) assert(Math.abs(count - 1000) < 5 * 31, String(count));
    const far = windows.startOf(2 ** 40);
    assert(far >= 0 && far < 12);
  }));

Deno.test("TrainingWindows and validationWindows() refuse a file of fewer tokens than one window", () =>
  withPlaces(8, (file) => {
    const message =
      "one of 8 tokens, and the token after it, are more than there is: received 8 tokens";
    assertThrows(() => new TrainingWindows(file, { contextLength: 8 }), RangeError, message);
    assertThrows(() => validationWindows(file, 8), RangeError, message);
    const windows = new TrainingWindows(file, { contextLength: 7 });
    assertEquals(startsOf(windows, 0, 3), [0, 0, 0]);
    assertEquals(validationWindows(file, 7).numWindows, 1);
  }));

Deno.test("TrainingWindows refuses options and batches that there are not", () =>
  withPlaces(100, (file) => {
    const refused = (options: object, message: string) =>
      assertThrows(
        () => new TrainingWindows(file, { contextLength: 8, ...options } as TrainingWindowsOptions),
        Error,
        message,
      );
    refused({ contextLength: 0 }, "contextLength must be an integer from 1");
    refused({ seed: 0.5 }, "seed must be an integer");
    refused({ sampling: "shuffled" }, "sampling must be one of epochs, random");
    const windows = new TrainingWindows(file, { contextLength: 8 });
    for (const [step, batchSize] of [[-1, 2], [0.5, 2], [0, 0], [2 ** 52, 8], [NaN, 1]]) {
      assertThrows(() => windows.batch(step, batchSize), RangeError, "Cannot read a batch");
    }
  }));

Deno.test("validationWindows() has all windows in their order, the last batch being smaller", () =>
  withPlaces(42, (file) => {
    const windows = validationWindows(file, 8);
    assertEquals(windows.numWindows, 5);
    const batches = [...windows.batches(2)];
    assertEquals(batches.map(({ tokens }) => tokens.length), [16, 16, 8]);
    const tokens = batches.flatMap(({ tokens }) => [...tokens]);
    assertEquals(tokens, Array.from({ length: 40 }, (_, i) => i));
    const targets = batches.flatMap(({ targets }) => [...targets]);
    assertEquals(targets, Array.from({ length: 40 }, (_, i) => i + 1));
  }));
