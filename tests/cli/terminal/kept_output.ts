/**
 * An output that keeps what is written.
 *
 * @module
 */
import { Output, type OutputOptions } from "../../../src/cli/terminal/io.ts";

/** An output, and all that was written to it so far, write by write. */
export interface KeptOutput {
  readonly output: Output;
  readonly writes: readonly string[];
}

/** An output that keeps what is written: by default what a pipe gets. */
export function keptOutput(options: Partial<OutputOptions> = {}): KeptOutput {
  const writes: string[] = [];
  const output = new Output((text) => Promise.resolve(void writes.push(text)), {
    isTerminal: false,
    isDecorated: false,
    isExact: false,
    numColumns: () => 80,
    ...options,
  });
  return { output, writes };
}
