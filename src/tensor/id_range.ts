/**
 * Which integers an i32 tensor can hold.
 *
 * Rows are looked up and written by number, and ggml ends the process for a row that a table does not have. So each i32
 * tensor knows what it can hold: an input takes only numbers that all tables have which it is used with, and what is
 * computed is used only with tables that are large enough.
 *
 * @module
 */

/** Integers from 0 up to, but not including, a limit. Views and copies of a tensor share its range. */
export class IdRange {
  #limit: number;
  readonly #isWritten: boolean;

  private constructor(limit: number, isWritten: boolean) {
    this.#limit = limit;
    this.#isWritten = isWritten;
  }

  /** Of an input: whatever is written is checked. */
  static ofInput(): IdRange {
    return new IdRange(Infinity, true);
  }

  /** Of a result whose numbers are less than `limit`. */
  static below(limit: number): IdRange {
    return new IdRange(limit, false);
  }

  /** Whether an input with this range is used as numbers that have a limit. */
  get isLimited(): boolean {
    return this.#limit < Infinity;
  }

  /**
   * From here on the numbers are also those of rows of a table.
   *
   * @throws {RangeError} if they are computed and there may be others among them
   */
  limitTo(numRows: number): void {
    if (this.#isWritten) {
      this.#limit = Math.min(this.#limit, numRows);
    } else if (this.#limit > numRows) {
      throw new RangeError(
        `Cannot use computed ids on a table: they can be up to ${this.#limit - 1}: ` +
          `received a table of ${numRows} rows.`,
      );
    }
  }

  /**
   * Throws unless all numbers are in the range.
   *
   * @throws {RangeError}
   */
  check(ids: Int32Array): void {
    for (let i = 0; i < ids.length; i++) {
      if (ids[i] >= 0 && ids[i] < this.#limit) continue;
      throw new RangeError(
        `Cannot write ids: each is a number from 0 to ${this.#limit - 1}: ` +
          `received ${ids[i]} at index ${i}`,
      );
    }
  }
}
