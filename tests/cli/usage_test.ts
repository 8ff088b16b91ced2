import { assertEquals, assertLess, assertMatch, assertNotMatch } from "@std/assert";
import { runCli } from "./run_cli.ts";

/** What cannot be understood, and what the user is told about it. */
const USAGE_ERRORS: readonly (readonly [args: string, message: RegExp])[] = [
  // Flags.
  [
    "--temprature 1",
    /There is no such flag: received "--temprature"\. Did you mean --temperature\?/,
  ],
  ["--top_k 5", /Did you mean --top-k\?/],
  ["--Seed 5", /Did you mean --seed\?/],
  ["--xyzzyplugh", /no such flag: received "--xyzzyplugh"\. If it is text and no flag, write -- /],
  ["-z", /no such flag: received "-z"/],
  ["-1", /no such flag: received "-1"/],
  ["convert x --greedy", /no such flag: received "--greedy"/],
  ["--seed", /--seed needs a value: received nothing\. Write --seed <number>/],
  ["--seed --greedy", /--seed needs a value: received --greedy/],
  ["--seed -- 5", /--seed needs a value: received --/],
  ["--model=", /--model needs a value: received ""/],
  ["--greedy=yes", /--greedy takes no value: received "yes"/],
  ["--no-greedy", /no such flag/],

  // Devices and servers, which are looked at before a model is.
  ["--device gpu", /must be auto, cpu, or one of cuda, metal, vulkan.*received "gpu"/],
  ["--device cpu:0", /received "cpu:0"/],
  ["--rpc host", /a colon, and a port from 1 to 65535: received "host"/],
  ["--rpc host:1,host:65536", /received "host:65536"/],
  ["--rpc host:1 --device cuda", /--device and --rpc exclude each other/],
  ["bench --device cuda:x", /received "cuda:x"/],

  // Numbers.
  [
    "--threads 0",
    /--threads must be a whole number from 1 to \d+, the number of processors: received "0"/,
  ],
  ["--threads 100000", /--threads must be .*, the number of processors: received "100000"/],
  ["--max-new-tokens 1e9", /--max-new-tokens must be a whole number of at least 0: received "1e9"/],
  ["--max-new-tokens abc", /received "abc"/],
  ["--max-new-tokens 1.5", /received "1\.5"/],
  ["--max-new-tokens -1", /received "-1"/],
  ["--max-new-tokens 0x10", /received "0x10"/],
  ["--max-new-tokens 10_000", /received "10_000"/],
  ["--max-new-tokens 9007199254740993", /received "9007199254740993"/],
  ["--max-new-tokens=", /received ""/],
  ["--seed 9007199254740992", /--seed must be a whole number in digits/],
  ["--seed NaN", /received "NaN"/],
  ["--num-return-sequences 0", /whole number of at least 1/],
  ["--temperature NaN", /--temperature must be a number of at least 0: received "NaN"/],
  ["--temperature -1", /received "-1"/],
  ["--temperature Infinity", /received "Infinity"/],
  ["--temperature 1e", /received "1e"/],
  ["--temperature 1e400", /received "1e400"/],
  ["--temperature 1e-3.5", /received "1e-3\.5"/],
  ["-nx", /-n must be a whole number of at least 0: received "x"/],
  ["-model demo", /no such flag: received "-model"\. Did you mean --model\?/],
  ["--temperature .", /received "\."/],
  ["--temperature 1,5", /received "1,5"/],
  ["--top-k -1", /--top-k must be a whole number of at least 0/],
  ["--top-k 1.5", /received "1\.5"/],
  ["--top-p 2", /--top-p must be a number above 0 and at most 1: received "2"/],
  ["--top-p 0", /received "0"/],
  ["--min-p 1.1", /--min-p must be a number from 0 to 1/],
  ["--typical-p 0", /--typical-p must be a number above 0 and at most 1/],
  ["--repetition-penalty 0", /--repetition-penalty must be a number above 0/],
  ["--no-repeat-ngram-size -3", /--no-repeat-ngram-size must be a whole number of at least 0/],
  ["--presence-penalty abc", /--presence-penalty must be a number such as 0\.8/],
  ["--frequency-penalty NaN", /--frequency-penalty must be a number/],

  // Words.
  ["--type q4_k", /--type must be one of f32, f16, .*, q4_0: received "q4_k"/],
  ["--type q8", /: received "q8"\. Did you mean q8_0\?/],
  ["quantize a b --type q4_km", /: received "q4_km"\. Did you mean q4_k_m\?/],
  ["bench --type f32,q8", /: received "q8"\. Did you mean q8_0\?/],
  ["--order hugginface", /Did you mean huggingface\?/],
  ["--overflow wrap", /--overflow must be one of stop, crop: received "wrap"/],
  ["--order hf", /--order must be one of huggingface, llama\.cpp/],
  ["--logit-bias 5", /--logit-bias must be a token id, =, and a number or -inf: received "5"/],
  ["--logit-bias 5=abc", /received "5=abc"/],
  ["--logit-bias -5=1", /received "-5=1"/],
  ["--logit-bias 5=inf", /received "5=inf"/],

  // Operands.
  [
    "once upon a time",
    /generate takes \[prompt\]: received "once" "upon" "a" "time"\. Put the prompt in quotes/,
  ],
  [
    "tokenise text",
    /Did you mean the command tokenize\?\nHelp: deno run -A mod\.ts tokenize --help\n/,
  ],
  // Misspelt commands, with flags that only these have.
  [
    "trian --data x",
    /no such flag: received "--data"\..* did you mean the command train\?\nHelp: .* train --help\n/,
  ],
  ["tarin --data story.txt --out zz", /did you mean the command train\?/],
  ["explan The --html x.html -m demo", /did you mean the command explain\?/],
  ["srve --model demo --port 0", /did you mean the command serve\?/],
  ["pull gpt2 --type q8", /received "q8"\. .* did you mean the command models\?/],
  ["genrate --data x", /write -- before it\.\nHelp: .* generate --help\n/],
  ["generate trian --data x", /write -- before it\.\nHelp: .* generate --help\n/],
  ["Once --data x", /write -- before it\.\nHelp: .* generate --help\n/],
  ["--top-log-probabilities 5", /--top-log-probabilities needs --json\. Add --json\./],
  ["--batch-size 4 x", /--batch-size needs --prompts\. Add --prompts <path>\./],
  ["tokenize x --ids --json", /--ids has no effect with --json: received both\. Leave one out/],
  ["tokenize --decode 1 --ids", /--ids has no effect with --decode: received both/],
  ["tokenize --decode 1 --allow-special", /--allow-special has no effect with --decode/],
  ["bench --json --format csv", /--json is the same as --format json: received --format csv too/],
  ["x --no-echo --json", /--no-echo has no effect with --json, where the prompt has a place of/],
  ["--prompts x --no-echo", /--no-echo has no effect with --prompts/],
  ["bench --profile --format csv", /--profile has no effect with --format csv/],
  ["patch a b --vector v.json --sites heads", /--vector patches nothing: leave --sites out/],
  ["patch a b --vector v.json --sites residual", /--vector patches nothing: leave --sites out/],
  ["patch a b --vector v.json --answer c", /--vector patches nothing: leave --answer out/],
  ["patch a b --vector v.json --against c", /--vector patches nothing: leave --against out/],
  ["models --type q8_0", /--type is for pull and path <model>: received models list\./],
  ["models remove gpt2 --type q8_0", /--type is for pull and path <model>: received models remove/],
  ["models path --type f32", /--type is for pull and path <model>: received models path/],
  ["models --yes", /--yes is for models remove --all, which asks first: received models list/],
  ["models remove gpt2 -y", /--yes is for models remove --all, which asks first/],
  ["models pull gpt2 --all", /--all is for models remove: received models pull/],
  [
    "models path gpt2 --keep-download",
    /--keep-download is for models remove: received models path/,
  ],

  // Files that cannot be stdout.
  ["convert demo -o -", /--output needs a file, .*: received "-"\. Name a file/],
  ["quantize demo - --type f16", /quantize needs a file, .*: received "-"/],
  ["merge demo --adapter a --out -", /--out needs a file, .*: received "-"/],
  ["tokenizer train x --out -", /--out needs a folder, .*: received "-"\. Name a folder/],
  ["train --data x --out -", /--out needs a folder, .*: received "-"/],
  ["train --resume --out -", /--out needs a folder, .*: received "-"/],
  ["evaluate x --task piqa --jsonl -", /--jsonl needs a file, .*: received "-"/],
  ["run demo", /Did you mean the command generate\?/],
  ["list of things", /Put the prompt in quotes/],
  [
    "prompt --file story.txt",
    /an argument or from --file: received both, "prompt" and "story\.txt"/,
  ],
  ["convert", /convert takes <model>: received nothing/],
  ["convert a b", /convert takes <model>: received "a" "b"/],
  ["quantize a", /quantize takes <model> <out\.gguf>: received "a"\. Give the model to read and/],
  ["quantize a b", /quantize needs --type <type>: received none/],
  ["info", /info takes <model>: received nothing/],
  [
    "bench demo",
    /error: bench takes no arguments: received "demo"\. Name a model with --model <model>\.\n/,
  ],
  ["doctor x", /error: doctor takes no arguments: received "x"\. Leave it out\.\n/],
  ["uninstall x y", /error: uninstall takes no arguments: received "x" "y"\. Leave it out\.\n/],
  [
    "tokenize",
    /tokenize needs a text: received none\. Put it in quotes, give --file, or write to stdin\./,
  ],
  [
    "tokenize --decode",
    /tokenize needs ids: received none\. Write them behind it, give --file, or write to stdin\./,
  ],
  ["tokenize one two", /tokenize takes one text: received 2 arguments/],
  ["tokenize --model gpt2 --decode 1 x", /--decode needs token ids: received "x"/],
  ["tokenize --model gpt2 --decode 50257", /no such token: received 50257/],
  ["help generat", /There is no such command: received "generat"\. Did you mean generate\?/],
  ["help xyzzy", /no such command: received "xyzzy"\. The commands are generate, explain/],
];

for (const [args, message] of USAGE_ERRORS) {
  Deno.test(`main() refuses: ${args}`, async () => {
    const { code, stdout, stderr } = await runCli(args.split(" "));
    assertMatch(stderr, message);
    assertMatch(stderr, /^error: .*\nHelp: deno run -A mod\.ts .*--help\n$|no such token/s);
    assertNotMatch(stderr, /\n\s+at /);
    assertEquals([code, stdout], [2, ""]);
  });
}

Deno.test("main() keeps the message short, whatever it was given", async () => {
  const long = "🦊".repeat(5000);
  for (
    const args of [[`--${long}`], ["--seed", long], ["info", long], [long, long], ["-f", long]]
  ) {
    const { code, stderr } = await runCli(args);
    assertLess(new TextEncoder().encode(stderr).length, 2049);
    assertMatch(stderr, /^error: /);
    assertEquals([2, 66, 1].includes(code), true, `${code}`);
  }
});

Deno.test("main() does not pass on control characters", async () => {
  const { stderr } = await runCli(["--seed", "\x1b[2Jgone\u009b2J"]);
  // deno-lint-ignore no-control-regex
  assertNotMatch(stderr, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
  assertMatch(stderr, /gone/);
});

/** Prompts, and what is said about them. */
const NOTES: readonly (readonly [args: string[], note: RegExp])[] = [
  [
    ["chat"],
    /^note: "chat" is taken as a prompt; the commands are generate, explain, .*doctor\n/,
  ],
  [["run"], /^note: "run" .* the commands are/],
  [["upgrade"], /^note: "upgrade" .* the commands are/],
  [["pull"], /^note: "pull" .* did you mean the command models\?\n/],
  [["tokenise"], /^note: "tokenise" .* did you mean the command tokenize\?\n/],
  [["info2"], /^note: "info2" .* did you mean the command info\?\n/],
  [["demo"], /^note: "demo" is taken as a prompt; did you mean --model demo\?\n/],
  [["a/gpt2.gguf"], /^note: .* did you mean --model a\/gpt2\.gguf\?\n/],
  [["chat", "--quiet"], /^error/],
  [["generate", "chat"], /^error/],
  [["Run"], /^error/],
  [["run away"], /^error/],
  [["Once"], /^error/],
  [["constructor"], /^error/],
];

for (const [args, note] of NOTES) {
  Deno.test(`main() is told a prompt: ${args.join(" ")}`, async () => {
    const { code, stderr } = await runCli([...args, "--model", "nowhere.gguf"]);
    assertMatch(stderr, note);
    assertEquals(code, 66);
  });
}
