/**
 * Programs in Python: Hugging Face transformers (PyTorch) and CTranslate2.
 *
 * @module
 */
import { run } from "./command.ts";
import type { ModelFile, Program, Workload } from "./program.ts";

const script = `${import.meta.dirname}/python_peers.py`;

/** A program in Python, and the type of our weights that it is compared with. */
export interface PythonPeer extends Program {
  readonly type: string;
}

/**
 * The programs that a Python has installed.
 *
 * @param python the interpreter
 */
export async function pythonPeers(python: string, threads: number): Promise<PythonPeer[]> {
  const available = (await run(python, [script, "available"])).split("\n");
  const peers = [
    { name: "transformers F32", module: "transformers", dtype: "f32", type: "f32" },
    { name: "transformers BF16", module: "transformers", dtype: "bf16", type: "bf16" },
    { name: "CTranslate2 INT8", module: "ctranslate2", dtype: "int8", type: "q8_0" },
  ];
  return peers.filter(({ module }) => available.includes(module)).map(
    ({ name, module, dtype, type }) => {
      const measure = (task: string) =>
      async (
        { folder }: ModelFile,
        { tokens, batch, repetitions }: Workload,
      ) => {
        const counts = [tokens, batch, repetitions].map(String);
        return Number(
          await run(python, [script, module, folder, String(threads), dtype, task, ...counts]),
        );
      };
      const decode = measure("decode");
      return { name, type, prefill: measure("prefill"), decode, decodeBatch: decode };
    },
  );
}
