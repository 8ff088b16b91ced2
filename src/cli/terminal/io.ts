/**
 * What a command reads from and writes to, so that it runs in a test as it runs in a terminal.
 *
 * @module
 */

/** The streams of a program, and the wish to end it. */
export interface Io {
  readonly stdin: Input;
  /** For results. */
  readonly stdout: Output;
  /** For everything else. */
  readonly stderr: Output;
  /** Aborted when the user wants the program to stop. */
  readonly signal: AbortSignal;
}

/** A stream to read from. */
export interface Input {
  readonly isTerminal: boolean;
  /** Everything up to the end. */
  readAll(signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>>;
  /** What somebody types before Enter, or what there is before the end. */
  readLine(signal: AbortSignal): Promise<string>;
}

/** A stream to write to. */
export interface Output {
  readonly isTerminal: boolean;
  /** Whether colours and lines that change in place are welcome: on a terminal, unless NO_COLOR is set. */
  readonly isDecorated: boolean;
  /**
   * Writes all of a text.
   *
   * @throws {OutputClosedError} if nobody reads it any more
   */
  write(text: string): Promise<void>;
}

/** Whoever read the output, such as `head`, has seen enough. Not a failure. */
export class OutputClosedError extends Error {
  /** The class name. */
  override name = "OutputClosedError";
}
