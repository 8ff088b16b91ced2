/**
 * The way back through a table.
 *
 * @module
 */
import { library } from "../../ffi/library.ts";
import { checkF32, limitIds } from "../check_operands.ts";
import { checkedShape } from "../shape.ts";
import { recordOf, type Tensor } from "../tensor.ts";
import { contiguous, dense, reshape } from "../views.ts";
import { checkInPlace, checkIntegers, checkShape } from "./check_training.ts";
import { trainingRecorder } from "./has_training_kernels.ts";

/**
 * Rows added to those of a table that ids name: the gradient of `lookup()`. They are added in their order, so it has the same
 * bits on any number of threads.
 *
 * @param table (num_rows, width), f32: a gradient that there is already, which is added to in place. Otherwise the result
 *   begins with zeros
 * @param ids any shape, i32: an input, which then takes only numbers of rows that there are, or a view or copy of one
 * @param rows (...ids, width), f32
 * @param numRows of the table
 * @returns (num_rows, width), f32: the memory of `table`, if there is one
 * @throws {TypeError} if a shape or type does not fit, or the backend has no kernel for it: ask `hasTrainingKernels()`
 * @throws {RangeError} if the ids are computed and may be more than there are rows, or `numRows` is no size
 */
export function addRowsAt(
  table: Tensor | undefined,
  ids: Tensor,
  rows: Tensor,
  numRows: number,
): Tensor {
  const action = "add";
  const tables = table === undefined ? [] : [table];
  const recorder = trainingRecorder(action, rows, ids, ...tables);
  checkF32(action, rows);
  const width = rows.shape[rows.shape.length - 1];
  if (rows.shape.length < 2) {
    throw new TypeError(`Cannot ${action} ${rows} to a table: (..., width) is needed.`);
  }
  checkIntegers(action, ids, rows.shape.slice(0, -1), "the ids of its rows");
  const shape = checkedShape("add rows to a table", [numRows, width]);
  limitIds(action, ids, numRows);
  const operands = [dense(ids), reshape(contiguous(rows), [ids.size, width])];
  if (table === undefined) {
    return recorder.record(
      operands,
      (context, ids, rows) => library().gpt2_add_rows_at(context, null, ids, rows, BigInt(numRows)),
      { shape, dtype: "f32" },
    );
  }
  checkShape(action, table, shape, "the table");
  checkInPlace(action, table);
  return recorder.record(
    [dense(table), ...operands],
    (context, table, ids, rows) =>
      library().gpt2_add_rows_at(context, table, ids, rows, BigInt(numRows)),
    { shape, dtype: "f32" },
    { viewOf: recordOf(table), isWhole: true },
  );
}
