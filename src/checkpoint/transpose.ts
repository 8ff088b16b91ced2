/**
 * Matrices as Hugging Face stores GPT-2's, the other way round.
 *
 * @module
 */

/** Rows that are read side by side: together they fill a cache line of the result. */
const BAND = 16;

/**
 * Fills `target` with rows of the transpose of `matrix`.
 *
 * @param matrix (rows columns)
 * @param columns of `matrix`
 * @param firstColumn of `matrix`, the first row of the result
 * @param target takes as many whole rows, each with as many elements as `matrix` has rows, as fit into it
 */
export function transposeRows<T extends Uint16Array | Uint32Array>(
  matrix: T,
  columns: number,
  firstColumn: number,
  target: T,
): void {
  const rows = matrix.length / columns;
  const numColumns = target.length / rows;
  for (let row = 0; row < rows; row += BAND) {
    const bandRows = Math.min(BAND, rows - row);
    for (let column = 0; column < numColumns; column++) {
      let from = row * columns + firstColumn + column;
      const start = column * rows + row;
      for (let to = start; to < start + bandRows; to++) {
        target[to] = matrix[from];
        from += columns;
      }
    }
  }
}
