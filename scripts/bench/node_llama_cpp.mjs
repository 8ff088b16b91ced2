/**
 * Measures node-llama-cpp. Run by Node:
 *
 *     node node_llama_cpp.mjs <folder of the package> <model.gguf> <threads> decode <tokens> <repetitions>
 *     node node_llama_cpp.mjs <folder of the package> <model.gguf> <threads> start <prompt>
 *
 * The first form writes tokens per second; the second one token, as soon as it is there.
 */
import { pathToFileURL } from "node:url";

const [folder, modelPath, threads, task, ...rest] = process.argv.slice(2);
const { getLlama } = await import(pathToFileURL(`${folder}/dist/index.js`).href);
const llama = await getLlama({ gpu: false, build: "never", logLevel: "error" });
const model = await llama.loadModel({ modelPath });
const numTokens = task === "decode" ? Number(rest[0]) : 1;
const context = await model.createContext({
  contextSize: Math.ceil((numTokens + 32) / 256) * 256,
  threads: Number(threads),
});
const sequence = context.getSequence();

if (task === "start") {
  for await (const token of sequence.evaluate(model.tokenize(rest[0]))) {
    process.stdout.write(model.detokenize([token]) || "\n");
    break;
  }
} else {
  const repetitions = Number(rest[1]);
  const samples = [];
  for (let repetition = -1; repetition < repetitions; repetition++) {
    await sequence.clearHistory();
    let count = 0;
    let begin = 0;
    // The first token comes from reading the prompt, and each of the following ones from one decoding step.
    const evaluation = sequence.evaluate([model.tokens.bos ?? 0], { yieldEogToken: true });
    for await (const _token of evaluation) {
      if (count === 0) begin = performance.now();
      if (count++ === numTokens) break;
    }
    if (repetition >= 0) samples.push(numTokens / (performance.now() - begin) * 1000);
  }
  console.log(samples.reduce((sum, sample) => sum + sample, 0) / repetitions);
}
await llama.dispose();
