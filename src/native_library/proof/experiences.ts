/**
 * Which libraries were seen to work, and which failed, on which CPU.
 *
 * @module
 */
import { cacheFolder } from "../../base/cache_folder.ts";
import { folderOf } from "../../base/files.ts";
import { writeFileAtomicallySync } from "../../base/temporary_file.ts";
import { cpuId } from "../../ffi/cpu_id.ts";

/** What was found out about a library on one CPU: that it works, or how it failed and when (milliseconds since 1970). */
export type Experience = { works: true } | { problem: string; time: number };

/** By `cpuId()`. */
type Experiences = Record<string, Experience>;

/** How long a failure is believed. What made a library fail may have been the system, which may have been changed. */
const FAILURE_MS = 24 * 3600 * 1000;

/** What is known about the library with this SHA-256 on this CPU; nothing where no CPU can be told from another. */
export function recall(sha256: string): Experience | undefined {
  const cpu = cpuId();
  if (cpu === undefined) return undefined;
  const known = readExperiences(sha256)[cpu];
  const isOld = known !== undefined && "time" in known && Date.now() - known.time >= FAILURE_MS;
  return isOld ? undefined : known;
}

/** Keeps what was found out on this CPU. Where nothing can be written, it is found out again next time. */
export function remember(sha256: string, experience: Experience): void {
  const cpu = cpuId();
  const path = experiencesPath(sha256);
  if (cpu === undefined || path === undefined) return;
  try {
    Deno.mkdirSync(folderOf(path), { recursive: true });
    const text = JSON.stringify({ ...readExperiences(sha256), [cpu]: experience });
    writeFileAtomicallySync(path, new TextEncoder().encode(text));
  } catch {
    return;
  }
}

function readExperiences(sha256: string): Experiences {
  const path = experiencesPath(sha256);
  if (path === undefined) return {};
  try {
    return JSON.parse(Deno.readTextFileSync(path)) ?? {};
  } catch {
    return {};
  }
}

function experiencesPath(sha256: string): string | undefined {
  const folder = cacheFolder("proven-libraries");
  return folder && `${folder}/${sha256}.json`;
}
