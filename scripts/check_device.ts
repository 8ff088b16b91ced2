/**
 * Compares a device with the CPU of this machine: the same tokens, how far the logits differ, and how fast each is; then
 * what captures and interventions give.
 *
 *     deno run -A scripts/check_device.ts --device vulkan [--model demo] [--tokens 64]
 *     deno run -A scripts/check_device.ts --rpc 127.0.0.1:50052
 *
 * Exits with 1 if the tokens differ, or numbers by more than rounding explains.
 *
 * @module
 */
import {
  type DeviceName,
  type FileType,
  type FromPretrainedOptions,
  GPT2,
  NativeLibraryError,
  prepareLibrary,
} from "../mod.ts";
import { largestDifference, runHooks } from "./device_hooks.ts";
import { parseFlags, refuseArguments } from "./parse_flags.ts";

/** Largest difference of logits. GPUs sum in another order, and attend to a cache of F32 in half precision. */
const TOLERANCES = { f32: 0.05, q8_0: 0.5 } as const satisfies Partial<Record<FileType, number>>;

/**
 * Largest difference of a captured activation, or of logits after an intervention, in parts of the largest number in it. GPUs
 * multiply numbers in F32 in half precision, and where a head looks are exponentials of such products.
 */
const HOOK_TOLERANCE = 1e-2;

const PROMPT = "ROMEO:";
/** What the logits are compared for. */
const TEXT = Array.from({ length: 64 }, (_, i) => i * 37 % 250);

interface Result {
  text: string;
  logits: Float32Array;
  tokensPerSecond: number;
}

/** Where to compute. */
type Where = Pick<FromPretrainedOptions, "device" | "rpc">;

async function measure(
  model: string,
  type: FileType,
  where: Where,
  maxNewTokens: number,
): Promise<Result> {
  using gpt2 = await GPT2.fromPretrained(model, { type, ...where });
  const options = { greedy: true, maxNewTokens, logProbabilities: false };
  // The first run compiles shaders and warms up.
  await gpt2.generateText(PROMPT, options);
  const begin = performance.now();
  const text = await gpt2.generateText(PROMPT, options);
  const tokensPerSecond = maxNewTokens / (performance.now() - begin) * 1000;
  const { logits } = await gpt2.forward(TEXT);
  return { text, logits, tokensPerSecond };
}

/** Prints how far captures and interventions on F32 weights differ; returns whether that is little enough. */
async function compareHooks(model: string, where: Where): Promise<boolean> {
  const results = [];
  for (const place of [{ device: "cpu" } as const, where]) {
    using gpt2 = await GPT2.fromPretrained(model, { type: "f32", ...place });
    results.push(await runHooks(gpt2));
  }
  const [expected, actual] = results;
  console.log(
    "\n| hooks, f32                     | same tokens | largest difference, of the largest | where |",
  );
  console.log(
    "|--------------------------------|-------------|-----------------------------------:|-------|",
  );
  let isSame = true;
  for (const [name, result] of expected) {
    const other = actual.get(name)!;
    const sameTokens = result.tokens.join() === other.tokens.join();
    const { difference, where } = largestDifference(result, other);
    isSame &&= sameTokens && difference <= HOOK_TOLERANCE;
    const cells = [
      name.padEnd(30),
      (sameTokens ? "yes" : "no").padEnd(11),
      difference.toExponential(1).padStart(34),
      where,
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
  return isSame;
}

async function main(args: string[]): Promise<number> {
  const { values } = parseFlags(
    args,
    { values: ["device", "model", "rpc", "tokens"] },
  );
  const { device, model = "demo", rpc, tokens = "64" } = values;
  if ((device === undefined) === (rpc === undefined)) {
    refuseArguments(
      "name a device: --device cuda, metal, or vulkan, with a number as in cuda:1; or servers: --rpc host:port",
    );
  }
  const where: Where = rpc === undefined
    ? { device: device as DeviceName }
    : { rpc: rpc.split(",") };
  // Before the CPU opens a library that cannot compute there.
  await prepareLibrary({
    device: where.device,
    onProgress: ({ text }) => console.error(text),
  });
  let isSame = true;
  console.log(
    "| type | same tokens | largest difference of logits | CPU tokens/s | device tokens/s |",
  );
  console.log(
    "|------|-------------|-----------------------------:|-------------:|----------------:|",
  );
  for (const [type, tolerance] of Object.entries(TOLERANCES) as [FileType, number][]) {
    const cpu = await measure(model, type, { device: "cpu" }, Number(tokens));
    const other = await measure(model, type, where, Number(tokens));
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
  const hooksAgree = await compareHooks(model, where);
  return isSame && hooksAgree ? 0 : 1;
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
