/**
 * Compares a device with the CPU of this machine: the same tokens, how far the logits differ, and how fast each is.
 *
 *     deno run -A scripts/check_device.ts --device vulkan [--model demo] [--tokens 64]
 *
 * Exits with 1 if the tokens differ, or the logits by more than rounding explains.
 *
 * @module
 */
import { type DeviceName, type FileType, GPT2, NativeLibraryError } from "../mod.ts";
import { parseFlags } from "./parse_flags.ts";

/** Largest difference of logits. GPUs sum in another order, and attend to a cache of F32 in half precision. */
const TOLERANCES = { f32: 0.05, q8_0: 0.5 } as const satisfies Partial<Record<FileType, number>>;

const PROMPT = "ROMEO:";
/** What the logits are compared for. */
const TEXT = Array.from({ length: 64 }, (_, i) => i * 37 % 250);

interface Result {
  text: string;
  logits: Float32Array;
  tokensPerSecond: number;
}

async function measure(
  model: string,
  type: FileType,
  device: DeviceName,
  maxNewTokens: number,
): Promise<Result> {
  using gpt2 = await GPT2.fromPretrained(model, { type, device });
  const options = { greedy: true, maxNewTokens, logProbabilities: false };
  // The first run compiles shaders and warms up.
  await gpt2.generateText(PROMPT, options);
  const begin = performance.now();
  const text = await gpt2.generateText(PROMPT, options);
  const tokensPerSecond = maxNewTokens / (performance.now() - begin) * 1000;
  const { logits } = await gpt2.forward(TEXT);
  return { text, logits, tokensPerSecond };
}

async function main(args: string[]): Promise<number> {
  const { values } = parseFlags(
    args,
    { values: ["device", "model", "tokens"] },
    (problem) => new RangeError(`Cannot compare devices: ${problem}.`),
  );
  const { device, model = "demo", tokens = "64" } = values;
  if (device === undefined) {
    console.error("Name a device: --device cuda, metal, or vulkan, with a number as in cuda:1.");
    return 2;
  }
  let isSame = true;
  console.log(
    "| type | same tokens | largest difference of logits | CPU tokens/s | device tokens/s |",
  );
  console.log(
    "|------|-------------|-----------------------------:|-------------:|----------------:|",
  );
  for (const [type, tolerance] of Object.entries(TOLERANCES) as [FileType, number][]) {
    const cpu = await measure(model, type, "cpu", Number(tokens));
    const other = await measure(model, type, device as DeviceName, Number(tokens));
    const difference = cpu.logits.reduce(
      (max, logit, i) => Math.max(max, Math.abs(logit - other.logits[i])),
      0,
    );
    const sameTokens = cpu.text === other.text;
    // Quantized activations may turn a choice between two nearly equal logits.
    isSame &&= (sameTokens || type !== "f32") && difference <= tolerance;
    const cells = [
      type.padEnd(4),
      (sameTokens ? "yes" : "no").padEnd(11),
      difference.toExponential(1).padStart(28),
      cpu.tokensPerSecond.toFixed(1).padStart(12),
      other.tokensPerSecond.toFixed(1).padStart(15),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
  return isSame ? 0 : 1;
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    if (!(error instanceof NativeLibraryError || error instanceof RangeError)) throw error;
    console.error(error.message);
    Deno.exit(error instanceof RangeError ? 2 : 78);
  }
}
