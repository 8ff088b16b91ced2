import { assertEquals } from "@std/assert";
import { transposeRows } from "../../src/checkpoint/transpose.ts";

/** A matrix whose element (row, column) is `1000 * row + column`, and its transpose. */
function matrixAndTranspose(rows: number, columns: number): [number[], number[]] {
  const size = { length: rows * columns };
  return [
    Array.from(size, (_, i) => 1000 * Math.floor(i / columns) + i % columns),
    Array.from(size, (_, i) => 1000 * (i % rows) + Math.floor(i / rows)),
  ];
}

for (const Elements of [Uint16Array, Uint32Array]) {
  for (const [rows, columns] of [[1, 1], [1, 7], [7, 1], [16, 16], [17, 33], [48, 5]]) {
    Deno.test(`transposeRows() transposes ${rows} x ${columns} in a ${Elements.name}`, () => {
      const [matrix, expected] = matrixAndTranspose(rows, columns);
      const whole = new Elements(rows * columns);
      transposeRows(new Elements(matrix), columns, 0, whole);
      assertEquals([...whole], expected);
      const first = Math.floor(columns / 3);
      const part = new Elements((columns - first) * rows);
      transposeRows(new Elements(matrix), columns, first, part);
      assertEquals([...part], expected.slice(first * rows));
    });
  }
}
