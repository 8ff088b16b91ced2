/**
 * Deno's own build for another system, in an emulator.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

/** The root of the repository, where programs of {@linkcode ForeignDeno} run. */
export const root: string = fileURLToPath(new URL("../..", import.meta.url));

/** Runs programs of Deno's. */
export interface ForeignDeno {
  /** Runs one to its good end, and returns what it wrote. */
  deno(args: string[], env?: Record<string, string>): Promise<string>;
  /** How a path of this system is called there. */
  pathThere(path: string): string;
}
