/**
 * Trains the bundled `demo` model: a small GPT-2 on tiny Shakespeare, with this package's own trainer.
 *
 *     deno run -A scripts/train_demo.ts --out demo            # a quarter of an hour on two cores; --resume goes on
 *     cp demo/demo.gguf src/demo/demo.gguf
 *
 * Two runs on one machine are the same to the last bit of every loss, also where one was interrupted.
 *
 * Tokenizer: byte-level BPE with GPT-2's pre-tokenization, learned on the training split, 1,024 tokens.
 *
 * Data: the first 90 % of the characters are for training, the rest is for validation. The training text gets an
 * `<|endoftext|>` between every 30 to 40 speeches, drawn again for each epoch, and a share of the windows begins at one, so
 * that an empty prompt yields the start of a speech.
 *
 * Validation loss: the raw validation text (no separators) is encoded as one piece and cut into windows side by side of the
 * length of the context; an incomplete last one is dropped. The loss is the mean over all predicted tokens, in nats.
 *
 * @module
 */
import { Random } from "../src/base/random.ts";
import { convertCheckpoint } from "../src/checkpoint/convert.ts";
import { GPT2, GPT2Config } from "../mod.ts";
import {
  type Batch,
  type BatchSource,
  RunFolder,
  runTraining,
  Trainer,
  type TrainerOptions,
  trainTokenizer,
} from "../src/train.ts";
import { TrainingDisplay } from "../src/cli/train/training_display.ts";
import { presets } from "../src/training/presets.ts";
import { systemIo } from "../src/cli/terminal/system_io.ts";
import { readTinyShakespeare } from "../tests/fixtures/tiny_shakespeare.ts";
import { parseFlags } from "./parse_flags.ts";

/** As the file of the model has it. */
const NAME = "gpt2-tiny-shakespeare";
const TRAIN_SHARE = 0.9;
const VOCAB_SIZE = 1024;
const SPEECHES_PER_DOCUMENT = [30, 40] as const;
/** Of each batch. */
const ROWS_AT_SEPARATOR = 2;

/** Everything but the windows is that of the preset; the precision does not depend on the processor. */
const { model: SIZES, training } = presets.demo;
const TRAINING: TrainerOptions = { ...training, precision: "bf16", seed: 1 };

/** Where windows of the training text begin, and what is in them. */
class ShakespeareWindows implements BatchSource {
  readonly #tokens: Int32Array;
  readonly #separator: number;
  /** Positions of the first token of each speech. */
  readonly #starts: readonly number[];
  #epoch: {
    readonly number: number;
    readonly stream: Int32Array;
    readonly separators: readonly number[];
  } | undefined;

  constructor(tokens: Int32Array, separator: number, newline: number) {
    this.#tokens = tokens;
    this.#separator = separator;
    const follows = (i: number) => tokens[i - 2] === newline && tokens[i - 1] === newline;
    this.#starts = Array.from(tokens.keys()).filter((i) => i >= 2 && follows(i));
  }

  batch(step: number, batchSize: number): Batch {
    const { contextLength } = SIZES;
    const perEpoch = Math.floor(this.#tokens.length / (batchSize * contextLength));
    const number = Math.floor(step / perEpoch);
    if (this.#epoch?.number !== number) this.#epoch = this.#beginEpoch(number);
    const { stream, separators } = this.#epoch;
    const random = new Random(2).fork(step);
    const below = (count: number) => Math.floor(random.next() * count);
    const tokens = new Int32Array(batchSize * contextLength);
    const targets = new Int32Array(tokens.length);
    for (let row = 0; row < batchSize; row++) {
      const start = row < ROWS_AT_SEPARATOR
        ? separators[below(separators.length)]
        : below(stream.length - contextLength);
      tokens.set(stream.subarray(start, start + contextLength), row * contextLength);
      targets.set(stream.subarray(start + 1, start + contextLength + 1), row * contextLength);
    }
    return { tokens, targets };
  }

  /** The text with a separator at its beginning and between every few speeches. */
  #beginEpoch(number: number) {
    const random = new Random(3).fork(number);
    const [low, high] = SPEECHES_PER_DOCUMENT;
    const stream: number[] = [];
    const separators: number[] = [];
    for (let begin = 0, speech = 0; begin < this.#tokens.length;) {
      speech += low + Math.floor(random.next() * (high - low + 1));
      const end = this.#starts[speech] ?? this.#tokens.length;
      separators.push(stream.length);
      stream.push(this.#separator);
      for (const token of this.#tokens.subarray(begin, end)) stream.push(token);
      begin = end;
    }
    const last = stream.length - SIZES.contextLength - 1;
    return {
      number,
      stream: Int32Array.from(stream),
      separators: separators.filter((start) => start < last),
    };
  }
}

/** Windows side by side, as one batch each. */
function windowsOf(tokens: Int32Array<ArrayBuffer>): Batch[] {
  const { contextLength } = SIZES;
  return Array.from({ length: Math.floor((tokens.length - 1) / contextLength) }, (_, i) => {
    const start = i * contextLength;
    return {
      tokens: tokens.slice(start, start + contextLength),
      targets: tokens.slice(start + 1, start + contextLength + 1),
    };
  });
}

async function trainDemo(out: string, resume: boolean): Promise<void> {
  const text = await readTinyShakespeare();
  const split = Math.floor(TRAIN_SHARE * text.length);
  const tokenizer = await trainTokenizer(text.slice(0, split), { vocabSize: VOCAB_SIZE });
  const [train, validation] = [text.slice(0, split), text.slice(split)].map((part) =>
    Int32Array.from(tokenizer.encode(part))
  );
  const [newline] = tokenizer.encode("\n");
  const windows = windowsOf(validation);
  const config = new GPT2Config({ ...SIZES, vocabSize: tokenizer.vocabSize });
  using model = await GPT2.create(config, {
    tokenizer,
    seed: TRAINING.seed,
    threads: navigator.hardwareConcurrency,
  });
  const data = new ShakespeareWindows(train, tokenizer.endOfTextId!, newline);
  using trainer = new Trainer(model, data, TRAINING);
  const stop = new AbortController();
  Deno.addSignalListener("SIGINT", () => stop.abort());
  const numTokens = windows.length * SIZES.contextLength;
  await using folder = await RunFolder.open(out, { resume });
  const events = runTraining(model, trainer, {
    folder,
    result: {
      save: (folder) => model.saveSafetensors(folder),
      finish: (best) =>
        convertCheckpoint(best, `${out}/demo.gguf`, { name: NAME, overwrite: true }),
    },
    validation: {
      windows,
      numTokens,
      numBytes: tokenizer.decode(Array.from(validation.subarray(1, numTokens + 1))).length,
    },
    evaluateEvery: 100,
    samplePrompt: "",
    numTrainTokens: train.length,
    signal: stop.signal,
  });
  const display = new TrainingDisplay(systemIo(stop.signal).stderr, {
    logEvery: 20,
    isJson: false,
  });
  for await (const event of events) await display.show(event);
  await display.clear();
}

if (import.meta.main) {
  const { values, switches } = parseFlags(
    Deno.args,
    { values: ["out"], switches: ["resume"] },
  );
  await trainDemo(values.out ?? "demo", switches.resume);
}
