/**
 * A program that asks each variant of a prebuilt ggml's CPU backend how well this CPU runs it. It runs in a process of
 * its own: this loads all of them.
 *
 *     deno run --allow-ffi --allow-read rank_variants.ts <folder>
 *
 * It writes one line of JSON: a list of {@linkcode RankedVariant}. A file that is not what it should be is not opened.
 *
 * @module
 */
import { sha256 } from "../base/sha256.ts";
import { partsOf, PREBUILT_NOTE, type PrebuiltNote } from "./cached_libraries.ts";
import { scoreVariant } from "../ffi/open_files.ts";

/** A variant, and how well this CPU runs it. */
export interface RankedVariant {
  /** The name of its file. */
  readonly name: string;
  /** 0: not at all; more is better. */
  readonly score: number;
  /** Why it could not be asked. */
  readonly problem?: string;
}

async function rank(folder: string, name: string, expected: string): Promise<RankedVariant> {
  try {
    await verify(`${folder}/${name}`, expected);
    return { name, score: scoreVariant(`${folder}/${name}`) };
  } catch (error) {
    return { name, score: 0, problem: (error as Error).message };
  }
}

async function verify(path: string, expected: string): Promise<void> {
  if (await sha256(await Deno.readFile(path)) !== expected) throw new Error(`${path} is damaged`);
}

if (import.meta.main) {
  const [folder] = Deno.args;
  const note: PrebuiltNote = JSON.parse(Deno.readTextFileSync(`${folder}/${PREBUILT_NOTE}`));
  const { files } = note;
  const { base, variants } = partsOf(note);
  // Before all others, which need it: Windows finds it only if it is loaded already.
  await verify(`${folder}/${base}`, files[base]);
  Deno.dlopen(`${folder}/${base}`, {});
  const ranked = await Promise.all(variants.map((name) => rank(folder, name, files[name])));
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(ranked) + "\n"));
}
