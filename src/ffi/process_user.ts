/**
 * Whom this process acts for.
 *
 * @module
 */
import { openSystemLibrary } from "./system_library.ts";

/** A user and the group that new files of this user get, as numbers. */
export interface ProcessUser {
  readonly uid: number;
  readonly gid: number;
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
    known = { uid: geteuid(), gid: getegid() };
  }
  return known;
}
