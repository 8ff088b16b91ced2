/**
 * How much memory Linux grants to this program, where a container (`docker run --memory 2g`) or a service has less than the
 * machine: it ends what goes beyond, however much is free. It says so in control groups, one within another
 * (https://docs.kernel.org/admin-guide/cgroup-v2.html, and cgroup-v1/memory.html beside it).
 *
 * @module
 */

/** Where a version of control groups says what. */
interface Version {
  /** Matches what `/proc/self/cgroup` says of the group of this program: its path. */
  readonly path: RegExp;
  readonly folder: string;
  readonly limit: string;
  readonly used: string;
  /** In `memory.stat`: what is counted as used and is given back when it is needed. */
  readonly cached: RegExp;
}

const VERSIONS: readonly Version[] = [
  {
    path: /^0::(\/.*)$/m,
    folder: "/sys/fs/cgroup",
    limit: "memory.max",
    used: "memory.current",
    cached: /^(?:in)?active_file (\d+)$/gm,
  },
  {
    path: /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(\/.*)$/m,
    folder: "/sys/fs/cgroup/memory",
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    cached: /^total_(?:in)?active_file (\d+)$/gm,
  },
];

/** For no limit, version 1 says the largest number of whole pages: 2^63 - 4096 bytes. */
const NO_LIMIT = 2 ** 62;

/** A limit, and what is left of it. */
export interface MemoryLimit {
  /** The bytes that can be had now; Infinity once that can no longer be told. */
  bytesLeft(): number;
}

/**
 * The limits of the groups that this program is in. None where there are none, and where that cannot be told: on other systems
 * than Linux, and without `--allow-all`, which Deno demands for reading it.
 *
 * @param root where `/proc` and `/sys` are
 */
export function memoryLimits(root = ""): MemoryLimit[] {
  const own = readText(`${root}/proc/self/cgroup`) ?? "";
  return VERSIONS.flatMap((version) => {
    const path = version.path.exec(own)?.[1];
    return path === undefined ? [] : foldersTo(`${root}${version.folder}`, path)
      .filter((folder) => (readNumber(`${folder}/${version.limit}`) ?? NO_LIMIT) < NO_LIMIT)
      .map((folder) => ({ bytesLeft: () => bytesLeft(folder, version) }));
  });
}

/** Those of this program, once they have been looked for. */
let ownLimits: readonly MemoryLimit[] | undefined;

/** The bytes that limits leave, this program's own ones unless others are given; Infinity where there are none. */
export function bytesLeftOf(limits: readonly MemoryLimit[] = ownLimits ??= memoryLimits()): number {
  return limits.reduce((least, limit) => Math.min(least, limit.bytesLeft()), Infinity);
}

/** The folder of all groups, and those of the groups within each other that a path names. In a container the last may be missing. */
function foldersTo(folder: string, path: string): string[] {
  const folders = [folder];
  for (const name of path.split("/")) if (name !== "") folders.push(folder += `/${name}`);
  return folders;
}

function bytesLeft(folder: string, { limit, used, cached }: Version): number {
  const [most, now] = [limit, used].map((name) => readNumber(`${folder}/${name}`));
  if (most === undefined || now === undefined) return Infinity;
  let bytes = most - now;
  for (const [, count] of (readText(`${folder}/memory.stat`) ?? "").matchAll(cached)) {
    bytes += Number(count);
  }
  return Math.max(0, Math.min(most, bytes));
}

/** A number; nothing for the word `max`, or where there is no such file. */
function readNumber(path: string): number | undefined {
  const text = readText(path);
  return text !== undefined && /^\d+\s*$/.test(text) ? Number(text) : undefined;
}

function readText(path: string): string | undefined {
  // Asked before, so that nobody is asked on a terminal.
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return undefined;
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined; // Not Linux, no such group, or Deno wants --allow-all.
  }
}
