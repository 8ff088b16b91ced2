/**
 * Folders to prepare something in, beside the place that it is for.
 *
 * @module
 */

const INCOMPLETE = ".incomplete";
const ABANDONED_MS = 24 * 3600 * 1000;

/** Does `work` in a new folder inside `parent`; the folder is removed afterwards. */
export async function withWorkFolder<T>(
  parent: string,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  await removeAbandoned(parent);
  const folder = `${parent}/${crypto.randomUUID()}${INCOMPLETE}`;
  await Deno.mkdir(folder);
  try {
    return await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What a process that was killed left behind. */
async function removeAbandoned(parent: string): Promise<void> {
  for await (const { name } of Deno.readDir(parent)) {
    if (!name.endsWith(INCOMPLETE)) continue;
    const { mtime } = await Deno.stat(`${parent}/${name}`);
    if (Date.now() - (mtime?.getTime() ?? 0) < ABANDONED_MS) continue;
    await Deno.remove(`${parent}/${name}`, { recursive: true });
  }
}
