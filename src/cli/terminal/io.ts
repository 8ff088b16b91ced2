/**
 * What a command reads from and writes to, so that it runs in a test as it runs in a terminal.
 *
 * @module
 */
import { terminalText } from "./terminal_text.ts";
import { cutText, textWidth } from "./text_width.ts";
import { wrapText } from "./wrap_text.ts";

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
  /** Some bytes, and how many they are; nothing at the end. */
  read(into: Uint8Array): Promise<number | null>;
  /** What somebody types before Enter, or what there is before the end. */
  readLine(signal: AbortSignal): Promise<string>;
}

/** What a stream to write to is like. */
export interface OutputOptions {
  readonly isTerminal: boolean;
  /** Whether colours and lines that change in place are welcome: on a terminal, unless NO_COLOR is set. */
  readonly isDecorated: boolean;
  /** Whether a text is written byte for byte: results that another program reads. */
  readonly isExact: boolean;
  /** Whether what is written is prose, which a terminal should not break inside words. Default: not. */
  readonly isProse?: boolean;
  /** How many characters a line of the terminal has. */
  readonly numColumns: () => number;
}

/** How a text may look on a terminal. */
const STYLES = {
  bold: "\x1b[1m",
  error: "\x1b[1;31m",
  faint: "\x1b[2m",
  accent: "\x1b[36m",
  good: "\x1b[32m",
  bad: "\x1b[31m",
} as const;
const PLAIN = "\x1b[0m";
const LINE_BEGIN = "\r";
const CLEAR_TO_END = "\x1b[K";

/** A part of a line: a text, or one that looks in some way where that is possible. It says the same without. */
export type StyledText = string | readonly [text: string, style: keyof typeof STYLES];

/** The width of a line that is not on a terminal. */
const PLAIN_COLUMNS = 80;

/**
 * A stream to write to. What reaches a terminal, or a log, goes through {@linkcode terminalText}: of all that is written,
 * only what this class adds can drive it.
 */
export class Output {
  /** Whether somebody reads along. */
  readonly isTerminal: boolean;
  /** Whether colours and lines that change in place are welcome. */
  readonly isDecorated: boolean;
  readonly #options: OutputOptions;
  readonly #isExact: boolean;
  readonly #isWrapped: boolean;
  readonly #numColumns: () => number;
  /** How much of the line before the cursor is written, where lines are wrapped. */
  #column = 0;
  readonly #sink: (text: string) => Promise<void>;

  /** @param sink writes all of a text; throws an {@linkcode OutputClosedError} if nobody reads it any more */
  constructor(sink: (text: string) => Promise<void>, options: OutputOptions) {
    this.#options = options;
    this.isTerminal = options.isTerminal;
    this.isDecorated = options.isDecorated;
    this.#isExact = options.isExact;
    this.#isWrapped = options.isTerminal && (options.isProse ?? false);
    this.#numColumns = options.numColumns;
    this.#sink = sink;
  }

  /**
   * Writes all of a text.
   *
   * @param style how it looks, where that is possible
   * @throws {OutputClosedError} if nobody reads it any more
   */
  async write(text: string, style?: keyof typeof STYLES): Promise<void> {
    await this.#sink(this.#shown(this.#isWrapped ? this.#wrapped(text) : text, style));
  }

  /**
   * Writes prose, or a table of which the last column is prose: a terminal gets lines that fit.
   *
   * @throws {OutputClosedError} if nobody reads it any more
   */
  async writeProse(text: string): Promise<void> {
    await this.#sink(this.#shown(this.isTerminal ? this.#wrapped(text) : text));
  }

  /**
   * Writes a command that somebody may copy: in a line of its own, in one piece, however long it is.
   *
   * @throws {OutputClosedError} if nobody reads it any more
   */
  async writeCommand(command: string): Promise<void> {
    this.#column = 0;
    await this.#sink(this.#shown(`  ${command}\n`));
  }

  /** How many characters a line should have at most: those of the terminal, or 80. */
  get numColumns(): number {
    return this.isTerminal ? this.#numColumns() : PLAIN_COLUMNS;
  }

  /** How many characters a line should have at most that changes in place: behind it there is room for the ^C of a user. */
  get numLineColumns(): number {
    return this.numColumns - 3;
  }

  /**
   * Writes whole lines.
   *
   * @throws {OutputClosedError} if nobody reads them any more
   */
  async writeLines(lines: readonly (readonly StyledText[])[]): Promise<void> {
    const shown = lines.map((line) => {
      const parts = line.map((part) => {
        const [text, style] = typeof part === "string" ? [part] : part;
        return this.#shown(this.#isWrapped ? this.#wrapped(text) : text, style);
      });
      this.#column = 0;
      return parts.join("").trimEnd() + "\n";
    });
    await this.#sink(shown.join(""));
  }

  /** The same stream; what is written when nobody reads it any more goes nowhere. */
  whileRead(): Output {
    const sink = async (text: string) => {
      try {
        await this.#sink(text);
      } catch (error) {
        if (!(error instanceof OutputClosedError)) throw error;
      }
    };
    return new Output(sink, this.#options);
  }

  #wrapped(text: string): string {
    // The last column stays free: some terminals begin a new line there.
    const wrapped = wrapText(text, this.#numColumns() - 1, { column: this.#column });
    const lineBegin = wrapped.lastIndexOf("\n") + 1;
    this.#column = textWidth(wrapped.slice(lineBegin)) + (lineBegin === 0 ? this.#column : 0);
    return wrapped;
  }

  #shown(text: string, style?: keyof typeof STYLES): string {
    const shown = this.#isExact ? text : terminalText(text);
    return style === undefined || !this.isDecorated ? shown : STYLES[style] + shown + PLAIN;
  }

  /** Puts a text, cut to the width of the terminal, into the place of the line before the cursor. Nothing elsewhere. */
  async replaceLine(text: string): Promise<void> {
    if (!this.isDecorated) return;
    const line = cutText(terminalText(text), this.numLineColumns, "");
    await this.#sink(LINE_BEGIN + line + CLEAR_TO_END);
  }
}

/** The same streams; if all is to be quiet, what is written to stderr goes nowhere. */
export function withQuiet(io: Io, isQuiet: boolean): Io {
  if (!isQuiet) return io;
  const nowhere = { isTerminal: false, isDecorated: false, isExact: false, numColumns: () => 0 };
  return { ...io, stderr: new Output(() => Promise.resolve(), nowhere) };
}

/** The same streams, for work that goes on to its end when nobody reads its output any more. */
export function whileRead(io: Io): Io {
  return { ...io, stdout: io.stdout.whileRead(), stderr: io.stderr.whileRead() };
}

/** Whoever read the output, such as `head`, has seen enough. Not a failure. */
export class OutputClosedError extends Error {
  /** The class name. */
  override name = "OutputClosedError";
}
