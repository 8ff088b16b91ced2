/**
 * Whom this process acts for.
 *
 * @module
 */
import { openSystemLibrary, readKernelFile } from "./system_library.ts";

/** A user and the group that new files of this user get, as numbers. */
export interface ProcessUser {
  readonly uid: number;
  readonly gid: number;
  /**
   * What stands for all users that a sandbox or container hides from its processes (a user namespace of Linux): the owner
   * of `/` and `/home`, for the most part. Nothing outside of one.
   */
  readonly hiddenUid?: number;
}

let known: ProcessUser | undefined;

/** The user, asked of the system: `Deno.uid()` needs a permission of its own. Undefined on Windows, where files have no such owner. */
export function processUser(): ProcessUser | undefined {
  if (Deno.build.os === "windows") return undefined;
  if (known === undefined) {
    const { geteuid, getegid } = openSystemLibrary({
      // uid_t geteuid(void)
      geteuid: { parameters: [], result: "u32" },
      // gid_t getegid(void)
      getegid: { parameters: [], result: "u32" },
    });
    known = {
      uid: geteuid(),
      gid: getegid(),
      // Asked for where a file belongs to somebody else only, which is rare.
      get hiddenUid() {
        return hiddenUid();
      },
    };
  }
  return known;
}

/** How many users there are where none is hidden. */
const ALL_USERS = 2 ** 32 - 1;

function hiddenUid(): number | undefined {
  if (Deno.build.os !== "linux") return undefined;
  // Lines of three numbers: the first user in here, the first outside, and how many.
  const lines = readKernelFile("/proc/self/uid_map").trim().split("\n");
  const numUsers = lines.reduce((sum, line) => sum + Number(line.trim().split(/\s+/)[2]), 0);
  if (numUsers >= ALL_USERS) return undefined;
  const uid = Number.parseInt(readKernelFile("/proc/sys/kernel/overflowuid"));
  return Number.isNaN(uid) ? undefined : uid;
}
