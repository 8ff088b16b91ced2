import { assertEquals, assertThrows } from "@std/assert";
import { checkOptions, integer, oneOf, text, texts } from "../../src/base/check_options.ts";

interface Options {
  threads?: number;
  name?: string;
}

const check = (options: unknown) =>
  checkOptions<Options>("work", options as Options, { threads: integer(1, 512), name: text });

Deno.test("checkOptions() checks what an object has from its prototype or from a getter", () => {
  class Getter {
    get threads() {
      return 700;
    }
  }
  for (const options of [{ threads: 700 }, Object.create({ threads: 700 }), new Getter()]) {
    assertThrows(() => check(options), RangeError, "threads must be an integer from 1 to 512");
  }
  for (const options of [{ thread: 7 }, Object.create({ thread: 7 })]) {
    assertThrows(() => check(options), TypeError, "Did you mean threads?");
  }
  assertEquals(check(Object.create({ threads: 7 })), { threads: 7 });
  assertEquals(check(Object.create(null)), {});
});

Deno.test("checkOptions() gives what it checked, which was read once", () => {
  let numReads = 0;
  const options = {
    get threads() {
      return numReads++ === 0 ? 7 : 700;
    },
    name: undefined,
    other: undefined,
  };
  assertEquals(check(options), { threads: 7 });
  assertEquals(numReads, 1);
});

Deno.test("checkOptions() refuses arrays with holes where it checks what is in them", () => {
  const rules = { names: texts };
  for (const names of [new Array(2), Object.assign(["a"], { 2: "b" }), ["a", 1]] as string[][]) {
    assertThrows(() => checkOptions("work", { names }, rules), TypeError, "an array of texts");
  }
  assertEquals(checkOptions("work", { names: ["a", "b"] }, rules), { names: ["a", "b"] });
});

Deno.test("checkOptions() names the words that an option may be, and calls a single one no choice", () => {
  const rules = { colour: oneOf("red", "blue"), size: oneOf("large") };
  const refuse = (options: { colour?: string; size?: string }, message: string) =>
    assertThrows(() => checkOptions("paint", options, rules), RangeError, message);
  refuse({ colour: "green" }, 'colour must be one of red, blue: received "green".');
  refuse({ size: "small" }, 'size must be "large": received "small".');
});

Deno.test("checkOptions() refuses values of any other type", () => {
  for (const value of [Symbol("s"), Object.create(null), () => 1, 3n, null, [null], {}]) {
    assertThrows(() => check({ threads: value }), TypeError, "Cannot work: threads must be");
  }
  for (const value of [Symbol("s"), () => 1, 3n, null, [], undefined]) {
    assertThrows(() => check(value), TypeError, "Cannot work: the options must be an object");
  }
});

Deno.test("checkOptions() tells what is too large from what is too small, and says what to do", () => {
  const rules = { count: integer(0), size: { ...integer(1), advice: "Measure it." } };
  const refuse = (options: { count?: number; size?: number }, message: string) =>
    assertThrows(() => checkOptions("count", options, rules), RangeError, message);
  const meaning = "count must be an integer of at least 0, below 2^53";
  for (const count of [1e21, Infinity, 2 ** 53, -1, 1.5, NaN]) {
    refuse({ count }, `${meaning}: received ${count}. Correct it, or leave it out.`);
  }
  refuse({ size: 0 }, "received 0. Measure it.");
});
