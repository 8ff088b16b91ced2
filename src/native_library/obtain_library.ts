/**
 * What the two ways of getting a native library that is not on this machine yet have in common.
 *
 * @module
 */
import { environmentVariable, offlineVariable } from "../base/environment.ts";
import { shorten } from "./library_search.ts";

/** What the user should know about the native library. */
export interface LibraryProgress {
  /** Tells this from the steps by which a model is made ready. */
  readonly step: "library";
  /**
   * What takes long now (`Building the native library (once, about 30 s) ...`), or why the library that should be used is
   * not.
   */
  readonly text: string;
}

/** How to get a native library. */
export interface PrepareLibraryOptions {
  /** Called before something takes long. */
  readonly onProgress?: (progress: LibraryProgress) => void;
  /** Stops with an `AbortError`. */
  readonly signal?: AbortSignal;
}

/** Throws an Error if nothing can be downloaded, because the environment forbids it or there is no Deno to do it. */
export function checkOnline(): void {
  if (Deno.build.standalone) throw new Error("a standalone program cannot get another library");
  const name = offlineVariable();
  if (name !== undefined) {
    throw new Error(`nothing may be downloaded: ${name} is ${environmentVariable(name)}`);
  }
}

/** Does `work` in a new folder inside `parent`; the folder is removed afterwards. */
export async function withWorkFolder<T>(
  parent: string,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  await Deno.mkdir(parent, { recursive: true });
  await removeAbandoned(parent);
  const folder = `${parent}/${crypto.randomUUID()}${INCOMPLETE}`;
  await Deno.mkdir(folder);
  try {
    return await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const INCOMPLETE = ".incomplete";
const ABANDONED_MS = 24 * 3600 * 1000;

/** What a process that was killed left behind. */
async function removeAbandoned(parent: string): Promise<void> {
  for await (const { name } of Deno.readDir(parent)) {
    if (!name.endsWith(INCOMPLETE)) continue;
    const { mtime } = await Deno.stat(`${parent}/${name}`);
    if (Date.now() - (mtime?.getTime() ?? 0) < ABANDONED_MS) continue;
    await Deno.remove(`${parent}/${name}`, { recursive: true });
  }
}

/** Runs a program of Deno, and throws an Error with the end of what it wrote if it fails. */
export async function runDeno(
  args: string[],
  options: { cwd: string; env?: Record<string, string>; signal?: AbortSignal },
): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    ...options,
    env: { NO_COLOR: "1", ...options.env },
  }).output();
  options.signal?.throwIfAborted();
  if (!success) throw new Error(problemIn(new TextDecoder().decode(stderr)));
}

const MAX_PROBLEM_LENGTH = 400;

/** What went wrong, without the lines that say where in Deno. */
function problemIn(output: string): string {
  const lines = output.split(/\n\s*Stack backtrace:/)[0].trim().split("\n");
  const text = lines.map((line) => line.trim()).join(" ").replace(/^error: /, "");
  return shorten(text, MAX_PROBLEM_LENGTH);
}
