import { assert, assertEquals, assertMatch } from "@std/assert";
import { Pace } from "../../../src/cli/terminal/pace.ts";
import { ProgressBar, progressLine } from "../../../src/cli/terminal/progress_bar.ts";
import { keptOutput } from "./kept_output.ts";

const DETAILS = ["131,072 of 262,144 tokens", "1:06 left", "2,310 tokens/s"];

Deno.test("progressLine() shortens the bar, then leaves out the last details, and then the bar", () => {
  const line = (width: number) => progressLine("Reading the text", 0.5, DETAILS, width);
  const all = `  50 %  ${DETAILS.join("  ")}`;
  assertEquals(line(119), `Reading the text [${"#".repeat(15)}${"-".repeat(15)}]${all}`);
  assertMatch(line(92), /^Reading the text \[#+-+\] {2}50 % .* tokens\/s$/);
  assertEquals(line(92).length, 92);
  assertEquals(
    line(79),
    `Reading the text [########--------]  50 %  ${DETAILS[0]}  ${DETAILS[1]}`,
  );
  assertEquals(line(61), `Reading the text  50 %  ${DETAILS[0]}  ${DETAILS[1]}`);
  assertEquals(line(20), `Reading the text  50 %  ${DETAILS[0]}`);
  for (let width = 50; width < 130; width++) assert(line(width).length <= width, `${width}`);
});

Deno.test("Pace tells the time that is left and the speed, once there is something to tell", () => {
  let ms = 5000;
  const pace = new Pace(() => ms);
  assertEquals(pace.texts(700, 1000, "questions"), []);
  ms += 500;
  assertEquals(pace.texts(710, 1000, "questions"), []);
  ms += 1500;
  // What was done before counts for nothing.
  assertEquals(pace.texts(740, 1000, "questions"), ["0:13 left", "20 questions/s"]);
  assertEquals(new Pace(() => ms += 4000).texts(0, 9, "questions"), []);
});

Deno.test("ProgressBar.aside() leaves its line alone while something else is written there", async () => {
  const { output, writes } = keptOutput({ isTerminal: true, isDecorated: true });
  const bar = new ProgressBar(output, "Scoring");
  const settle = () => new Promise((resolve) => setTimeout(resolve));
  bar.show(0.1);
  await bar.aside(async () => {
    assertEquals(writes.length, 2); // Shown, and taken away.
    bar.show(0.2); // Of the next text, which is read meanwhile.
    await settle();
    await output.write("a row\n");
    bar.show(0.3);
    await settle();
  });
  assertEquals(writes.slice(2), ["a row\n"]);
  bar.show(0.4);
  await settle();
  assertMatch(writes.at(-1)!, /40 %/);
  await bar.clear();
});
