/**
 * What a long task is doing, on stderr: one line that changes in place on a terminal, one line for each new activity
 * elsewhere.
 */
export class ProgressLine {
  #doing = "";
  #written = "";
  readonly #terminal = Deno.stderr.isTerminal();

  /**
   * Shows what is being done.
   *
   * @param done the part that is done, 0 to 1, where it is known
   */
  show(doing: string, done?: number): void {
    if (this.#terminal) {
      const percent = done === undefined ? "" : ` ${Math.floor(done * 100)} %`;
      this.#rewrite(`${doing} ...${percent}`);
    } else if (doing !== this.#doing) {
      writeError(`${doing} ...\n`);
    }
    this.#doing = doing;
  }

  /** Writes a line that stays. */
  print(line: string): void {
    this.#rewrite("");
    writeError(`${line}\n`);
  }

  #rewrite(line: string): void {
    if (line === this.#written) return;
    writeError(`\r${line}${" ".repeat(Math.max(0, this.#written.length - line.length))}`);
    if (line === "") writeError("\r");
    this.#written = line;
  }
}

function writeError(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}
