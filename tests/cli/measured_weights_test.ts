/**
 * What the commands that measure say of a model whose weights are not those that were published.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { resolveModel } from "../../src/model_store/resolve_model.ts";
import { runCli } from "./run_cli.ts";
import { testWithHub } from "./test_with_hub.ts";

const TEXT = "Once upon a time there was a cat.";
const NOTE = "note: gpt2 is measured with weights in q8_0; for those it was published with, ";
const QUESTION = '{"context": "Once", "choices": ["a", "b"], "answer": 0}\n';

testWithHub("a model of the hub is measured in q8_0, which one line says", async () => {
  await resolveModel("gpt2");
  const commands: [args: string[], stdin: string][] = [
    [["score", "--sum"], TEXT],
    [["perplexity"], TEXT],
    [["evaluate", "--task", "multiple-choice"], QUESTION],
  ];
  for (const [args, stdin] of commands) {
    const { code, stderr } = await runCli([...args, "--model", "gpt2"], { stdin });
    assertEquals([code, stderr], [0, NOTE + "add --type f32.\n"]);
    for (const flags of [["--quiet"], ["--type", "q8_0"], ["--type", "f32"]]) {
      const { code, stderr } = await runCli([...args, "--model", "gpt2", ...flags], { stdin });
      assertEquals([code, stderr], [0, ""]);
    }
  }
});

testWithHub("compare says so of each model of the hub", async () => {
  const path = await resolveModel("gpt2");
  const args = ["compare", path, "gpt2", "--chunk", "4"];
  const { code, stderr } = await runCli(args, { stdin: TEXT });
  assertEquals(code, 0, stderr);
  assertEquals(stderr, NOTE + "convert gpt2 --type f32, and compare that file.\n");
  assertEquals((await runCli([...args, "--quiet"], { stdin: TEXT })).stderr, "");
  const { stdout } = await runCli(["compare", "--help"]);
  assertStringIncludes(stdout, "--quiet");
});
