import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { flagText } from "../../../src/cli/arguments/flags.ts";
import {
  peerAdvice,
  peerFlags,
  peerHabits,
  peerName,
} from "../../../src/cli/arguments/peer_flags.ts";
import { commands } from "../../../src/cli/commands.ts";
import { runCli } from "../run_cli.ts";

const globalFlags = { debug: { kind: "switch", help: "" } } as const;
const allFlags = (await Promise.all(commands.values().map((load) => load())))
  .map(({ flags }) => ({ ...flags, ...globalFlags }));

/** What people type who come from another program, and what they are told. */
const TYPED: readonly (readonly [args: string, advice: RegExp])[] = [
  // transformers
  [
    "x --max_length 20",
    /Did you mean --max-new-tokens\? It counts new tokens only, without those of/,
  ],
  ["x --maxLength 20", /Did you mean --max-new-tokens\?/],
  ["x --max_new_tokens 20", /Did you mean --max-new-tokens\?/],
  ["x --num_beams 4", /Did you mean --num-beams\?/],
  ["x --do_sample", /Tokens are drawn, unless --greedy says otherwise: leave it out/],
  ["x --top_k 40", /Did you mean --top-k\?/],
  ["x --k 40", /Did you mean --top-k\?/],
  ["x --model_name_or_path gpt2", /Did you mean --model\?/],
  ["x --torch-dtype float16", /Did you mean --type\?/],
  ["x --revision main", /--model owner\/name@revision/],
  ["x --assistant-model distilgpt2", /Did you mean --draft\?/],
  // llama.cpp
  ["-p text", /The text is an argument of its own: write it in quotes/],
  ["x --n-predict 9", /Did you mean --max-new-tokens\?/],
  ["x --temp 0", /Did you mean --temperature\?/],
  ["x --repeat-penalty 1.1", /Did you mean --repetition-penalty\?/],
  ["x -c 512", /The context is as long as the model's: leave it out/],
  ["x --ctx-size 512", /The context is as long as the model's: leave it out/],
  ["x -ngl 99", /Did you mean --device\?/],
  ["x -ctk q8_0", /Did you mean --cache-type\?/],
  ["x -t 8", /-t must be one of f32, .*: received "8"\. Did you mean --threads 8\?/],
  ["x --no-display-prompt", /Did you mean --no-echo\?/],
  ["perplexity x -c 512", /Did you mean --chunk\?/],
  ["serve -np 4", /Did you mean --max-texts\?/],
  ["serve --api_key x", /Did you mean --api-key-file\? It takes a file with keys/],
  ["bench --n-gen 64", /Did you mean --new-tokens\?/],
  ["convert x --outfile y", /Did you mean --output\?/],
  ["tokenize --prompt x", /The text is an argument of its own/],
  // nanoGPT
  ["--start=x", /The text is an argument of its own/],
  ["x --num_samples 3", /Did you mean --num-return-sequences\?/],
  ["train x --max_iters 10", /Did you mean --steps\?/],
  ["train x --n_embd 64", /Did you mean --width\?/],
  ["train x --out_dir o", /Did you mean --out\?/],
  // lm-evaluation-harness, vLLM
  ["evaluate x --tasks piqa", /Did you mean --task\?/],
  ["evaluate x --num-fewshot 5", /zero-shot: leave it out/],
  ["evaluate x --output_path o", /Did you mean --jsonl\?/],
  ["serve --max-num-seqs 8", /Did you mean --max-texts\?/],
  ["serve --served-model-name x", /Did you mean --model-name\?/],
];

for (const [args, advice] of TYPED) {
  Deno.test(`main() tells what a flag of another program is here: ${args}`, async () => {
    const { code, stdout, stderr } = await runCli(args.split(" "));
    assertMatch(stderr, advice);
    assertEquals([code, stdout], [2, ""]);
  });
}

Deno.test("each flag of another program leads to each of the flags it is said to be, in a command that has it", () => {
  for (const { ours, theirs } of peerFlags) {
    for (const own of ours) {
      for (const name of theirs.split(" ")) {
        const typed = name.startsWith("-") ? name : `--${name}`;
        assertEquals(peerName(typed), name);
        const leads = allFlags.some((flags) =>
          own in flags && peerAdvice(typed, flags)?.startsWith(`Did you mean ${flagText(own)}?`)
        );
        assert(leads, `${typed} never leads to ${flagText(own)}`);
      }
    }
  }
});

Deno.test("each habit is answered in a command that has the flag", () => {
  for (const [own, theirs, advice] of peerHabits) {
    for (const name of theirs.split(" ")) {
      const typed = name.startsWith("-") ? name : `--${name}`;
      const said = allFlags.filter((flags) => own in flags)
        .map((flags) => peerAdvice(typed, flags) ?? "");
      assert(said.includes(advice), typed);
    }
  }
});

Deno.test("peerName() gives one name to all spellings of a flag", () => {
  for (
    const typed of [
      "--num-fewshot",
      "--num_fewshot",
      "--numFewshot",
      "-num-fewshot",
      "--NUM_FEWSHOT",
    ]
  ) {
    assertEquals(peerName(typed), "num-fewshot");
  }
  assertEquals(peerName("-c"), "-c");
  assertEquals(peerName("--c"), "c");
});

Deno.test("what is like a flag of ours is suggested where no other program has it", async () => {
  const { stderr } = await runCli(["x", "--temprature", "1"]);
  assertStringIncludes(stderr, "Did you mean --temperature?");
});
