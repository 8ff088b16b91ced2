/**
 * A program that asks each variant of a prebuilt ggml's CPU backend how well this CPU runs it. It runs in a process of
 * its own: this loads all of them.
 *
 *     deno run --allow-ffi --allow-read rank_variants.ts <folder>
 *
 * It writes one line of JSON: a list of {@linkcode RankedVariant}. A file that is not what was published is not opened.
 *
 * @module
 */
import { sha256 } from "../../base/sha256.ts";
import { scoreVariant } from "../../ffi/bind_library.ts";
import { prebuiltPackages } from "./packages.ts";
import { partsOf } from "./parts.ts";

/** A variant, and how well this CPU runs it. */
export interface RankedVariant {
  /** The name of its file. */
  readonly name: string;
  /** 0: not at all; more is better. */
  readonly score: number;
  /** Why it could not be asked. */
  readonly problem?: string;
}

async function rank(folder: string, name: string, hash: string): Promise<RankedVariant> {
  try {
    await verify(`${folder}/${name}`, hash);
    return { name, score: scoreVariant(`${folder}/${name}`) };
  } catch (error) {
    return { name, score: 0, problem: (error as Error).message };
  }
}

async function verify(path: string, hash: string): Promise<void> {
  if (await sha256(await Deno.readFile(path)) !== hash) throw new Error(`${path} is damaged`);
}

if (import.meta.main) {
  const [folder] = Deno.args;
  const { files } = prebuiltPackages[`${Deno.build.os} ${Deno.build.arch}`];
  const { base, variants } = partsOf({ files });
  // Before all others, which need it: Windows finds it only if it is loaded already.
  await verify(`${folder}/${base}`, files[base]);
  Deno.dlopen(`${folder}/${base}`, {});
  const ranked = await Promise.all(variants.map((name) => rank(folder, name, files[name])));
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(ranked) + "\n"));
}
