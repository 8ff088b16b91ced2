/**
 * A program that asks each variant of a prebuilt ggml's CPU backend how well this CPU runs it. It runs in a process of
 * its own: this loads all of them.
 *
 *     deno run --allow-ffi --allow-read rank_variants.ts <folder>
 *
 * It writes one line of JSON: a list of {@linkcode RankedVariant}. A file that is not the original one is not opened.
 *
 * @module
 */
import { exists } from "../../base/files.ts";
import { sha256 } from "../../base/sha256.ts";
import { scoreVariant } from "../../ffi/prebuilt/bind_prebuilt.ts";
import { prebuiltPackages } from "./packages.ts";
import { partsOf } from "./parts.ts";

/** A variant, and how well this CPU runs it. */
export interface RankedVariant {
  /** The name of its file. */
  readonly name: string;
  /** 0: not at all; more is better. What is damaged comes first: whoever is about to open it says what to do. */
  readonly score: number;
  /** Why it could not be asked. */
  readonly problem?: string;
}

async function rank(path: string, name: string, hash: string): Promise<RankedVariant> {
  const damage = await damageOf(path, hash);
  if (damage !== undefined) return { name, score: Number.MAX_VALUE, problem: damage };
  try {
    return { name, score: scoreVariant(path) };
  } catch (error) {
    return { name, score: 0, problem: (error as Error).message };
  }
}

/** What is wrong with a file; nothing if it is the original one. */
async function damageOf(path: string, hash: string): Promise<string | undefined> {
  if (!exists(path)) return `there is no file ${path}`;
  return await sha256(await Deno.readFile(path)) === hash ? undefined : `${path} is damaged`;
}

if (import.meta.main) {
  const [folder] = Deno.args;
  const { files } = prebuiltPackages[`${Deno.build.os} ${Deno.build.arch}`];
  const { base, variants } = partsOf({ files });
  // Before all others, which need it: Windows finds it only if it is loaded already.
  const damage = await damageOf(`${folder}/${base}`, files[base]);
  if (damage !== undefined) throw new Error(damage);
  Deno.dlopen(`${folder}/${base}`, {});
  const ranked = await Promise.all(
    variants.map((name) => rank(`${folder}/${name}`, name, files[name])),
  );
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(ranked) + "\n"));
}
