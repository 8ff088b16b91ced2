import { assertEquals, assertGreater, assertThrows } from "@std/assert";
import { StopMatcher } from "../../src/generation/stop_strings.ts";
import { Random } from "../../src/base/random.ts";

Deno.test("StopMatcher passes on everything where there is no stop string", () => {
  const matcher = new StopMatcher([]);
  assertEquals(["a", "", "bc"].map((piece) => matcher.push(piece)), ["a", "", "bc"]);
  assertEquals([matcher.isStopped, matcher.match, matcher.flush()], [false, undefined, ""]);
});

Deno.test("StopMatcher holds back what may be the beginning of a stop string", () => {
  const matcher = new StopMatcher(["\n\n", "END"]);
  assertEquals(matcher.push("The E"), "The ");
  assertEquals(matcher.push("ast\n"), "East");
  assertEquals(matcher.push("E"), "\n");
  assertEquals(matcher.push("N"), "");
  assertEquals(matcher.isStopped, false);
  assertEquals(matcher.push("D of it"), "");
  assertEquals([matcher.isStopped, matcher.match], [true, "END"]);
  assertEquals([matcher.push("more"), matcher.flush()], ["", ""]);
});

Deno.test("StopMatcher passes on what comes before a stop string in the same piece", () => {
  const matcher = new StopMatcher("stop");
  assertEquals(matcher.push("before stop after"), "before ");
  assertEquals(matcher.match, "stop");
});

Deno.test("StopMatcher.flush() gives what was held back, once", () => {
  const matcher = new StopMatcher("stop");
  assertEquals(matcher.push("a st"), "a ");
  assertEquals(matcher.flush(), "st");
  assertEquals(matcher.flush(), "");
});

Deno.test("StopMatcher ends with the stop string that is complete first, and of several with the longest", () => {
  const cases: [stops: string[], text: string, passedOn: string, match: string][] = [
    [["abc", "b"], "xabc", "xa", "b"],
    [["bcd", "abcde"], "abcde", "a", "bcd"],
    [["c", "bc", "abc"], "xabc", "x", "abc"],
    [["abc", "bc", "c"], "xabc", "x", "abc"],
    [["ab", "abc"], "abc", "", "ab"],
    [["z", "y"], "x y z", "x ", "y"],
    [["aab"], "aaab", "a", "aab"],
    [["same", "same"], "the same", "the ", "same"],
    [["😀"], "a😀b", "a", "😀"],
  ];
  for (const [stops, text, passedOn, match] of cases) {
    for (const pieces of [[text], [...text], Array.from(text, (_, i) => text.charAt(i))]) {
      const matcher = new StopMatcher(stops);
      const passed = pieces.map((piece) => matcher.push(piece)).join("");
      assertEquals([passed, matcher.match], [passedOn, match], `${stops} in ${text}`);
    }
  }
});

Deno.test("StopMatcher does what reading character by character does, however the text is cut", () => {
  const random = new Random(1);
  const text = (maxLength: number) =>
    Array.from(
      { length: 1 + Math.floor(random.next() * maxLength) },
      () => "aab"[Math.floor(random.next() * 3)],
    ).join("");
  let numStopped = 0;
  for (let trial = 0; trial < 5000; trial++) {
    const stops = Array.from({ length: 1 + Math.floor(random.next() * 3) }, () => text(6));
    const whole = text(20);
    const expected = readByCharacter(whole, stops);
    const matcher = new StopMatcher(stops);
    let passed = "";
    for (let start = 0; start < whole.length;) {
      const end = start + Math.floor(random.next() * 5);
      passed += matcher.push(whole.slice(start, end));
      // Nothing that is passed on has to be taken back.
      assertEquals(expected.passedOn.startsWith(passed), true, `${stops} in ${whole}`);
      start = end;
    }
    passed += matcher.flush();
    assertEquals(
      [passed, matcher.match],
      [expected.passedOn, expected.match],
      `${stops} in ${whole}`,
    );
    if (matcher.isStopped) numStopped++;
  }
  assertGreater(numStopped, 1000);
  assertGreater(5000 - numStopped, 1000);
});

Deno.test("StopMatcher holds back no more than it has to", () => {
  const stops = ["aab", "abab"];
  const matcher = new StopMatcher(stops);
  let passed = "";
  let read = "";
  for (const piece of ["a", "b", "a", "c", "a", "a", "a"]) {
    read += piece;
    passed += matcher.push(piece);
    const held = read.slice(passed.length);
    const isBeginning = stops.some((stop) => stop.startsWith(held));
    assertEquals(held === "" || isBeginning, true, `held ${held}`);
  }
  assertEquals(passed, "abaca");
});

Deno.test("StopMatcher refuses stop strings that are empty or no strings", () => {
  for (const stops of ["", [""], ["a", ""]]) {
    assertThrows(() => new StopMatcher(stops), RangeError, 'it is empty: received ""');
  }
  assertThrows(() => new StopMatcher([5 as unknown as string]), TypeError, "received number");
});

/** Reads until the text ends with a stop string. */
function readByCharacter(
  text: string,
  stops: readonly string[],
): { passedOn: string; match: string | undefined } {
  for (let end = 1; end <= text.length; end++) {
    const read = text.slice(0, end);
    const matches = stops.filter((stop) => read.endsWith(stop));
    if (matches.length === 0) continue;
    const match = matches.reduce((a, b) => b.length > a.length ? b : a);
    return { passedOn: read.slice(0, end - match.length), match };
  }
  return { passedOn: text, match: undefined };
}

Deno.test("StopMatcher takes any number of stop strings", () => {
  const matcher = new StopMatcher(Array.from({ length: 200_000 }, (_, i) => `<${i}>`));
  assertEquals(matcher.push("a<19999"), "a");
  assertEquals([matcher.push("9>b"), matcher.match], ["", "<199999>"]);
});
