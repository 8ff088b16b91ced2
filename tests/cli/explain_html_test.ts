import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { TemporaryFolder } from "../checkpoint/folders.ts";
import { runCli } from "./run_cli.ts";

function explainHtml(text: string, path: string, ...args: string[]) {
  return runCli(["explain", text, "--model", "demo", "--threads", "1", "--html", path, ...args]);
}

Deno.test("explain --html writes a page with what explain shows", async () => {
  using folder = new TemporaryFolder();
  const path = folder.file("report.html");
  const { code, stdout, stderr } = await explainHtml("The cat sat on the", path);
  assertEquals([code, stdout], [0, ""]);
  assertMatch(stderr, /^Wrote .*report\.html \([\d.]+ kB\)\.\n$/);
  const html = await Deno.readTextFile(path);
  const data = JSON.parse(html.match(/id="data">([^<]*)</)![1]);
  const { stdout: json } = await explainHtml("The cat sat on the", path, "--json");
  const { tokens, lens, attribution, candidates } = JSON.parse(json);
  assertEquals(data.tokens, tokens.map(({ text }: { text: string }) => text));
  assertEquals(data.tokens.join(""), "The cat sat on the");
  assertEquals(data.lens.length, lens.length);
  assertEquals(data.attribution.answer, attribution.answer.text);
  assertEquals(data.candidates.length, candidates.tokens.length);
  const last = data.lens.at(-1).positions.at(-1);
  assertEquals(last.top[0][0], data.candidates[0].text);
  assert(Math.abs(last.top[0][1] - data.candidates[0].probability) < 1e-3);
});

Deno.test("explain calls the parts of a model alike on the page, on the terminal, and in JSON", async () => {
  using folder = new TemporaryFolder();
  const path = folder.file("report.html");
  const args = ["explain", "The cat sat on the", "--model", "demo", "--threads", "1"];
  await runCli([...args, "--html", path]);
  const { lens, attribution, headScores } = JSON.parse(
    (await Deno.readTextFile(path)).match(/id="data">([^<]*)</)![1],
  );
  const { stdout } = await runCli([...args, "--top", "100"]);
  const { stdout: json } = await runCli([...args, "--json"]);
  const [first, second] = stdout.split("What each layer would have said")[1]
    .split("Where heads look");
  const [heads, parts] = second.split("What speaks for");
  const names = (list: { name: string }[]) => list.map(({ name }) => name);
  const wordsAtStart = (text: string) =>
    [...text.matchAll(/^ {2}(\S+) +[+-]?\d/gm)].map(([, x]) => x);

  assertEquals(wordsAtStart(first), names(lens));
  assertEquals(names(JSON.parse(json).lens), names(lens));
  const sum = "together";
  assertEquals(wordsAtStart(parts).toSorted(), [...names(attribution.parts), sum].toSorted());
  assertEquals(names(JSON.parse(json).attribution.contributions), names(attribution.parts));
  const known = new Set(names(headScores));
  const shown = heads.match(/(?<= {2})head \d+\.\d+(?= )/g)!;
  assert(shown.length > 4 && shown.every((name) => known.has(name)), `${shown}`);
  for (const score of Object.keys(headScores[0].scores)) {
    assertMatch(heads, new RegExp(`^ {2}${score} +head`, "m"));
  }
});

Deno.test("explain --html ends at the position that is explained", async () => {
  using folder = new TemporaryFolder();
  const path = folder.file("report.html");
  const { code } = await explainHtml("The cat sat on the", path, "--position", "-5");
  assertEquals(code, 0);
  const data = JSON.parse((await Deno.readTextFile(path)).match(/id="data">([^<]*)</)![1]);
  assertEquals(data.tokens, ["The", " c", "at"]);
  assertEquals(data.lens[0].positions.length, 3);
});

Deno.test("explain --html --compare shows how far another model is", async () => {
  using folder = new TemporaryFolder();
  const path = folder.file("report.html");
  const args = ["--type", "f32", "--compare", "demo"];
  const { code } = await explainHtml("The cat", path, ...args);
  assertEquals(code, 0);
  const html = await Deno.readTextFile(path);
  assertStringIncludes(html, "How far another model is from that");
  const { comparison } = JSON.parse(html.match(/id="data">([^<]*)</)![1]);
  const { stdout } = await explainHtml("The cat", path, ...args, "--json");
  const expected: { name: string; relativeError: number }[] = JSON.parse(stdout).comparison;
  assertEquals(comparison.other, "demo");
  assertEquals(
    comparison.differences.map(({ name }: { name: string }) => name),
    expected.map(({ name }) => name),
  );
  assert(comparison.differences.at(-1).relativeError > 0);
  await explainHtml("The cat", path);
  assert(!(await Deno.readTextFile(path)).includes("How far another model"));
});

Deno.test("explain names a part of a character by its bytes, on the page and on the terminal", async () => {
  using folder = new TemporaryFolder();
  const path = folder.file("report.html");
  await explainHtml("日 a", path);
  const { tokens } = JSON.parse((await Deno.readTextFile(path)).match(/id="data">([^<]*)</)![1]);
  assertEquals(tokens, ["<e6>", "<97>", "<a5>", " a"]);
  const { stdout } = await runCli(["explain", "日 a", "--model", "demo", "--threads", "1"]);
  assertMatch(stdout, /^ +0 {2}<e6>\n +1 {2}<97> /m);
});

Deno.test("explain --html replaces its own pages, and nothing else", async () => {
  using folder = new TemporaryFolder();
  const [page, notes, empty] = ["page.html", "notes.html", "empty"].map((name) =>
    folder.file(name)
  );
  await Deno.writeTextFile(notes, "<!doctype html>\n<p>mine</p>\n".repeat(9));
  await Deno.writeTextFile(empty, "");
  for (const text of ["The cat", "The dog"]) assertEquals((await explainHtml(text, page)).code, 0);
  assertStringIncludes(await Deno.readTextFile(page), "dog");
  for (const path of [notes, empty]) {
    const before = await Deno.readTextFile(path);
    const { code, stderr } = await explainHtml("The cat", path);
    assertEquals([code, await Deno.readTextFile(path)], [2, before]);
    assertStringIncludes(stderr, "Choose another name");
  }
});

Deno.test("explain --html - writes the page to the output, alone", async () => {
  const { code, stdout, stderr } = await explainHtml("The cat", "-");
  assertEquals([code, stderr], [0, ""]);
  assert(stdout.startsWith("<!doctype html>") && stdout.endsWith("</html>\n"));
  assertEquals((await explainHtml("The cat", "-", "--json")).code, 2);
});

Deno.test("explain --html says what is wrong with the file", async () => {
  const { code, stderr } = await explainHtml("The cat", "/nowhere/at/all/report.html");
  assertEquals(code, 74);
  assertStringIncludes(stderr, "Cannot write");
  assertStringIncludes(stderr, "/nowhere/at/all/report.html");
});
