/**
 * Compares quantized tensors with those of llama.cpp's `llama-quantize`, byte by byte.
 *
 *     deno run -A scripts/compare_llama_cpp.ts <llama-quantize> [--write]
 *     deno run -A scripts/compare_llama_cpp.ts <llama-quantize> --source <f32-or-f16.gguf>
 *
 * The first form does it for the models of `tests/checkpoint/golden_model.ts`; with `--write` the digests of llama.cpp's
 * tensors become the fixture that the tests compare with. The second form does it for any model. `llama-quantize` is built
 * from the release of llama.cpp that the native library is built from:
 *
 *     cmake -S llama.cpp -B build -DCMAKE_BUILD_TYPE=Release -DLLAMA_CURL=OFF
 *     cmake --build build --target llama-quantize
 *
 * @module
 */
import { parseFlags, refuseArguments } from "./parse_flags.ts";
import { convertCheckpoint } from "../src/checkpoint/convert.ts";
import { type FileType, fileTypes } from "../src/checkpoint/file_types.ts";
import { digestsOf, type TensorDigests } from "../tests/checkpoint/tensor_digests.ts";
import { goldenModels, writeGoldenModel } from "../tests/checkpoint/golden_model.ts";
import { openLibrary } from "../src/native_library/native_library.ts";

await openLibrary();

const FIXTURE = new URL("../tests/fixtures/checkpoint/llama_quantize.json", import.meta.url);

/** The digests of a file's tensors, by the type of the file. */
type Digests = { [type in FileType]?: TensorDigests };

async function quantizeWithLlamaCpp(
  program: string,
  source: string,
  target: string,
  type: FileType,
): Promise<void> {
  const command = new Deno.Command(program, {
    args: [source, target, type.toUpperCase()],
    stdout: "piped",
    stderr: "piped",
  });
  const { success, stdout, stderr } = await command.output();
  if (success) return;
  throw new Error(
    `llama-quantize failed on ${source} (${type}):\n` +
      new TextDecoder().decode(stdout).slice(-2000) + new TextDecoder().decode(stderr).slice(-2000),
  );
}

/** Quantizes `source` both ways, reports differences, and returns the digests of llama.cpp's tensors. */
async function compare(
  program: string,
  source: string,
  folder: string,
): Promise<{ digests: Digests; numDifferences: number }> {
  const digests: Digests = {};
  let numDifferences = 0;
  for (const type of fileTypes) {
    const [theirs, ours] = [`${folder}/theirs.gguf`, `${folder}/ours.gguf`];
    await quantizeWithLlamaCpp(program, source, theirs, type);
    await convertCheckpoint(source, ours, { type, overwrite: true });
    const expected = await digestsOf(theirs);
    const actual = await digestsOf(ours);
    const names = new Set([...Object.keys(expected), ...Object.keys(actual)]);
    const different = [...names].filter((name) => expected[name] !== actual[name]);
    for (const name of different) {
      console.log(`  ${type} ${name}: llama.cpp ${expected[name]}, here ${actual[name]}`);
    }
    console.log(`${type}: ${names.size - different.length} of ${names.size} tensors are equal`);
    numDifferences += different.length;
    digests[type] = expected;
  }
  return { digests, numDifferences };
}

async function compareGoldenModels(
  program: string,
  folder: string,
): Promise<{ digests: Record<string, Digests>; numDifferences: number }> {
  const digests: Record<string, Digests> = {};
  let numDifferences = 0;
  for (const [name, model] of Object.entries(goldenModels)) {
    const f32 = `${folder}/${name}.gguf`;
    const f16 = `${folder}/${name}-f16.gguf`;
    await writeGoldenModel(f32, model);
    await convertCheckpoint(f32, f16, { type: "f16" });
    for (const source of [f32, f16]) {
      console.log(source === f32 ? `${name}, from F32` : `${name}, from F16`);
      const result = await compare(program, source, folder);
      numDifferences += result.numDifferences;
      // The weights are exact in half precision: only what stays F32 could differ, and does not.
      if (source === f32) digests[name] = result.digests;
    }
  }
  return { digests, numDifferences };
}

/** What stays F32 is as in the source: the fixture need not say it. */
function leaveOutF32(_key: string, value: unknown): unknown {
  return typeof value === "string" && value.startsWith("f32 ") ? undefined : value;
}

const { values: { source }, switches, arguments: [program] } = parseFlags(
  Deno.args,
  { values: ["source"], switches: ["write"], numArguments: 1 },
);
if (program === undefined) {
  refuseArguments("llama-quantize is not named: received no argument. Give its path");
}
const folder = await Deno.makeTempDir();
try {
  const { digests, numDifferences } = source === undefined
    ? await compareGoldenModels(program, folder)
    : await compare(program, source, folder);
  if (switches.write) {
    await Deno.writeTextFile(FIXTURE, JSON.stringify(digests, leaveOutF32, 1) + "\n");
  }
  console.log(numDifferences === 0 ? "All tensors are equal." : `${numDifferences} differ.`);
  Deno.exitCode = numDifferences === 0 ? 0 : 1;
} finally {
  await Deno.remove(folder, { recursive: true });
}
