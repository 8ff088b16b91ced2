/** Where a {@linkcode ProgressLine} writes, and what it knows of time: the real thing by default. */
export interface ProgressSurroundings {
  /** Whether a line that changes in place is welcome. */
  readonly isTerminal: boolean;
  /** How many characters a line of the terminal has. */
  readonly columns: number;
  write(text: string): void;
  /** Milliseconds since some moment. */
  now(): number;
  /** Calls `action` again and again, without keeping the process alive for that; returns what ends it. */
  repeat(action: () => void, everyMs: number): () => void;
}

const BAR_WIDTH = 24;
const MIN_BAR_WIDTH = 8;
/** How often a terminal shows how long it has been, and how often a log gets a line. */
const TERMINAL_MS = 1_000;
const LOG_MS = 10_000;

/**
 * What a long task is doing, on stderr: on a terminal one line that changes in place, with a bar where the part that is
 * done is known; elsewhere a line for each new activity, and another every ten seconds.
 */
export class ProgressLine {
  readonly #to: ProgressSurroundings;
  #doing = "";
  #since = 0;
  #part: number | undefined;
  #details = "";
  #written = "";
  #stopRepeating?: () => void;

  constructor(surroundings: ProgressSurroundings = standardError()) {
    this.#to = surroundings;
  }

  /**
   * Shows what is being done.
   *
   * @param part the part that is done, 0 to 1, where it is known
   * @param details how much that is: `12 of 188 steps`
   */
  show(doing: string, part?: number, details = ""): void {
    const isNew = doing !== this.#doing;
    this.#doing = doing;
    this.#part = part;
    this.#details = details;
    if (isNew) this.#begin();
    if (this.#to.isTerminal) this.#rewrite(this.#text());
  }

  /** Writes a line that stays. What was shown is over, until {@linkcode show} is called again. */
  print(line: string): void {
    this.#stopRepeating?.();
    this.#doing = "";
    this.#rewrite("");
    this.#to.write(`${line}\n`);
  }

  #begin(): void {
    this.#stopRepeating?.();
    this.#since = this.#to.now();
    if (this.#to.isTerminal) {
      this.#stopRepeating = this.#to.repeat(() => this.#rewrite(this.#text()), TERMINAL_MS);
    } else {
      this.#to.write(`${this.#doing} ...\n`);
      this.#stopRepeating = this.#to.repeat(() => this.#to.write(`${this.#text()}\n`), LOG_MS);
    }
  }

  #text(): string {
    const seconds = Math.floor((this.#to.now() - this.#since) / 1000);
    const time = seconds === 0 ? "" : `${seconds} s`;
    if (this.#part === undefined) return [`${this.#doing} ...`, time].join(" ").trimEnd();
    const percent = `${Math.floor(this.#part * 100).toString().padStart(3)} %`;
    const facts = [percent, this.#details, time].filter((text) => text !== "").join(", ");
    if (!this.#to.isTerminal) return `${this.#doing}: ${facts.trim()}`;
    // Rather no bar than half a fact.
    const left = this.#to.columns - 1 - `${this.#doing} [] ${facts}`.length;
    const width = Math.min(left, BAR_WIDTH);
    if (width < MIN_BAR_WIDTH) return `${this.#doing}: ${facts.trim()}`;
    const filled = Math.round(this.#part * width);
    return `${this.#doing} [${"#".repeat(filled)}${"-".repeat(width - filled)}] ${facts}`;
  }

  #rewrite(line: string): void {
    const cut = line.slice(0, this.#to.columns - 1);
    if (cut === this.#written) return;
    this.#to.write(`\r${cut}${" ".repeat(Math.max(0, this.#written.length - cut.length))}`);
    if (cut === "") this.#to.write("\r");
    this.#written = cut;
  }
}

function standardError(): ProgressSurroundings {
  const isTerminal = Deno.stderr.isTerminal() && !Deno.env.get("NO_COLOR");
  return {
    isTerminal,
    // A terminal that does not know its width says 0.
    columns: isTerminal ? Deno.consoleSize().columns || 80 : Infinity,
    write: (text) => {
      Deno.stderr.writeSync(new TextEncoder().encode(text));
    },
    now: () => performance.now(),
    repeat(action, everyMs) {
      const timer = setInterval(action, everyMs);
      Deno.unrefTimer(timer);
      return () => clearInterval(timer);
    },
  };
}
