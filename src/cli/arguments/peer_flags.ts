/**
 * Flags as other programs have them: transformers and its examples, llama.cpp, llama-server, vLLM, nanoGPT,
 * lm-evaluation-harness. Whoever types one is told what it is here.
 *
 * @module
 */
import { type Flags, flagText } from "./flags.ts";

/** Flags of this program, and what others call them. */
export interface PeerFlags {
  /** The first of these that a command has is meant. */
  readonly ours: readonly string[];
  /** Without dashes before them, in kebab-case; of one letter, as typed. */
  readonly theirs: string;
  /** What else there is to know. */
  readonly note?: string;
}

/** Flags that have another name here. */
export const peerFlags: readonly PeerFlags[] = [
  // What is read and written.
  { ours: ["output", "out"], theirs: "out-dir output-dir" },
  {
    ours: ["output", "out", "html", "format"],
    theirs: "o -o outfile output-file out-file save save-dir",
  },
  { ours: ["overwrite"], theirs: "force f y -y overwrite-output-dir" },
  { ours: ["json"], theirs: "output-json as-json" },
  { ours: ["quiet"], theirs: "silent no-progress log-disable disable-tqdm" },
  { ours: ["debug"], theirs: "verbose v -v traceback" },

  // What is computed, and where.
  {
    ours: ["model", "init"],
    theirs:
      "model-path model-name model-id model-name-or-path pretrained-model-name-or-path pretrained hf-repo hf " +
      "checkpoint ckpt ckpt-path init-from model-args",
  },
  { ours: ["model"], theirs: "out-dir" },
  {
    ours: ["type", "precision"],
    theirs:
      "dtype torch-dtype outtype ftype quant quantization quantize weight-type load-in-8bit load-in-4bit bf16 fp16",
  },
  { ours: ["adapter", "lora"], theirs: "lora-scaled lora-path lora-modules peft lora-rank lora-r" },
  { ours: ["threads"], theirs: "n-threads num-threads threads-batch tb cpu-threads" },
  { ours: ["device"], theirs: "n-gpu-layers gpu-layers ngl gpu main-gpu mg use-cpu cuda" },
  { ours: ["cacheType"], theirs: "cache-type-k cache-type-v ctk ctv kv-cache-dtype kv-type" },

  // Generating.
  {
    ours: ["maxNewTokens"],
    theirs: "max-length length",
    note: "It counts new tokens only, without those of the prompt.",
  },
  {
    ours: ["maxNewTokens", "newTokens"],
    theirs:
      "max-tokens max-completion-tokens max-gen-len max-gen-toks n-predict predict num-predict n-gen " +
      "num-tokens n-tokens tokens",
  },
  { ours: ["minNewTokens"], theirs: "min-length min-tokens" },
  { ours: ["temperature"], theirs: "temp" },
  { ours: ["topK"], theirs: "k" },
  { ours: ["topP"], theirs: "nucleus" },
  { ours: ["typicalP"], theirs: "typical" },
  { ours: ["repetitionPenalty"], theirs: "repeat-penalty rep-pen" },
  { ours: ["order"], theirs: "samplers sampler-seq sampling-seq" },
  { ours: ["seed"], theirs: "s -s rng-seed random-seed" },
  {
    ours: ["numReturnSequences"],
    theirs: "num-samples n-samples nsamples num-return num-sequences best-of samples",
  },
  { ours: ["numBeams"], theirs: "beams beam-size beam-width num-beam" },
  {
    ours: ["stop"],
    theirs: "reverse-prompt r -r stop-sequence stop-sequences stop-strings until eos-string",
  },
  { ours: ["badWords"], theirs: "bad-words-ids banned-tokens ban" },
  { ours: ["suppressTokens"], theirs: "suppress bad-token-ids" },
  { ours: ["ignoreEndOfText"], theirs: "ignore-eos no-eos" },
  { ours: ["overflow"], theirs: "context-shift ctx-shift", note: "That is --overflow crop." },
  { ours: ["noEcho"], theirs: "no-display-prompt skip-prompt return-full-text" },
  { ours: ["regex"], theirs: "guided-regex grammar grammar-file gbnf" },
  { ours: ["jsonSchema"], theirs: "guided-json json-schema-file response-format" },
  { ours: ["choices"], theirs: "guided-choice" },
  { ours: ["draft"], theirs: "model-draft draft-model md assistant-model speculative-model" },
  {
    ours: ["speculate"],
    theirs: "prompt-lookup-num-tokens lookup lookup-cache-static speculative-config spec-type",
    note: "That is --speculate lookup.",
  },
  { ours: ["topLogProbabilities", "top"], theirs: "logprobs top-logprobs n-probs" },
  { ours: ["prompts"], theirs: "prompts-file prompt-file batch-file input-file" },
  { ours: ["allowSpecial"], theirs: "special sp parse-special add-special-tokens" },

  // Measuring.
  {
    ours: ["chunk", "context"],
    theirs: "c -c ctx-size n-ctx num-ctx context-size context-length block-size max-model-len",
  },
  { ours: ["stride"], theirs: "ppl-stride" },
  { ours: ["task"], theirs: "tasks benchmark" },
  { ours: ["jsonl"], theirs: "output-path log-samples use-cache results" },
  { ours: ["limit"], theirs: "num-samples samples num-examples max-examples num-questions" },
  { ours: ["promptTokens"], theirs: "n-prompt pp prompt-length" },
  { ours: ["newTokens"], theirs: "tg gen-length" },
  { ours: ["depth"], theirs: "n-depth d -d" },
  { ours: ["batch"], theirs: "batch-size num-parallel" },
  { ours: ["repetitions"], theirs: "runs iterations rounds" },

  // The server.
  { ours: ["host"], theirs: "listen bind hostname address ip" },
  { ours: ["maxTexts"], theirs: "parallel np n-parallel max-num-seqs slots" },
  { ours: ["maxWaiting"], theirs: "queue queue-size max-queue" },
  { ours: ["maxKeptTexts"], theirs: "cache-reuse enable-prefix-caching cache-prompt" },
  { ours: ["modelName"], theirs: "alias served-model-name -a" },
  { ours: ["cors"], theirs: "allowed-origins cors-origins origin origins" },
  { ours: ["log"], theirs: "log-format log-level" },

  // Training.
  {
    ours: ["steps"],
    theirs: "max-iters max-steps iterations num-steps iters num-train-steps train-steps n-iters",
  },
  { ours: ["learningRate"], theirs: "lr" },
  { ours: ["minLearningRate"], theirs: "min-lr" },
  { ours: ["warmupSteps"], theirs: "warmup-iters warmup num-warmup-steps lr-warmup-steps" },
  { ours: ["schedule"], theirs: "lr-scheduler-type lr-scheduler scheduler lr-schedule decay-lr" },
  { ours: ["weightDecay"], theirs: "wd" },
  { ours: ["gradientClip"], theirs: "grad-clip max-grad-norm clip" },
  {
    ours: ["accumulation"],
    theirs: "gradient-accumulation-steps grad-accum grad-accumulation-steps",
  },
  {
    ours: ["batchSize"],
    theirs: "per-device-train-batch-size train-batch-size micro-batch-size bs",
  },
  { ours: ["layers"], theirs: "n-layer n-layers num-layers num-hidden-layers depth" },
  { ours: ["heads"], theirs: "n-head n-heads num-heads num-attention-heads" },
  { ours: ["width"], theirs: "n-embd hidden-size d-model embed-dim embedding-size" },
  { ours: ["context"], theirs: "n-positions seq-length sequence-length max-seq-length" },
  { ours: ["evaluateEvery"], theirs: "eval-interval eval-steps eval-every val-every" },
  {
    ours: ["saveEvery"],
    theirs: "save-steps save-interval always-save-checkpoint checkpoint-every",
  },
  { ours: ["logEvery"], theirs: "log-interval logging-steps log-steps" },
  {
    ours: ["validationShare"],
    theirs: "val-ratio validation-split val-split validation-split-percentage",
  },
  { ours: ["data"], theirs: "dataset dataset-name train-file data-dir data-path text-file corpus" },
];

/** What others have a flag for, and there is none for here: when a command has one of these flags, what to do instead. */
export const peerHabits: readonly (readonly [ours: string, theirs: string, advice: string])[] = [
  ["greedy", "do-sample sample", "Tokens are drawn, unless --greedy says otherwise: leave it out."],
  ["maxNewTokens", "stream streaming", "A text is written as it comes: leave it out."],
  ["model", "revision", "The revision stands behind the name: --model owner/name@revision."],
  ["model", "hf-file", "The file stands behind the name: --model owner/name:file.gguf."],
  ["model", "token hf-token use-auth-token", "Set HF_TOKEN in the environment."],
  ["model", "cache-dir hf-home download-dir", "Set HF_HUB_CACHE in the environment."],
  ["model", "offline local-files-only", "Set HF_HUB_OFFLINE=1 in the environment."],
  ["model", "trust-remote-code", "Nothing that comes with a model is run: leave it out."],
  [
    "threads",
    "flash-attn fa attn-implementation",
    "Attention is fused wherever it can be: leave it out.",
  ],
  [
    "model",
    "c -c ctx-size n-ctx num-ctx context-size context-length block-size max-model-len",
    "The context is as long as the model's: leave it out.",
  ],
  ["model", "batch-size ubatch-size ub", "Texts are put side by side anyway: leave it out."],
];

/** What to say of names that others have for a text that is an argument here. */
export const textIsArgument: Readonly<Record<string, string>> = Object.fromEntries(
  ["prompt", "-p", "text", "input", "start", "query"].map((name) => [
    name,
    "The text is an argument of its own: write it in quotes, without a flag before it.",
  ]),
);

/** The name of a flag as the tables have it: `--num_fewshot` and `--numFewshot` are `num-fewshot`, `-c` stays. */
export function peerName(typed: string): string {
  return /^-[^-]$/.test(typed) ? typed : typed
    .replace(/^-+/, "")
    .replace(/[a-z](?=[A-Z])/g, "$&-")
    .replaceAll("_", "-")
    .toLowerCase();
}

/** What to say of a flag of another program, if a command has something for it. */
export function peerAdvice(typed: string, flags: Flags): string | undefined {
  const name = peerName(typed);
  const isNamed = (theirs: string) => theirs.split(" ").includes(name);
  for (const { ours, theirs, note } of peerFlags) {
    const own = isNamed(theirs) ? ours.find((name) => Object.hasOwn(flags, name)) : undefined;
    if (own !== undefined) return `Did you mean ${flagText(own)}?${note ? ` ${note}` : ""}`;
  }
  return peerHabits.find(([own, theirs]) => Object.hasOwn(flags, own) && isNamed(theirs))?.[2];
}

/** What to say of a value that another program's flag of the same letter takes. */
export function peerValueAdvice(typed: string, text: string, flags: Flags): string | undefined {
  const areThreads = typed === "-t" && /^\d+$/.test(text) && Object.hasOwn(flags, "threads");
  return areThreads ? `Did you mean --threads ${text}?` : undefined;
}
