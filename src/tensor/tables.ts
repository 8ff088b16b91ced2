/**
 * Elements by their numbers: rows of tables, elements of rows, and where the largest are.
 *
 * @module
 */
import { library } from "../ffi/library.ts";
import { tensorTypeInfo } from "../formats/tensor_type.ts";
import { checkF32, checkReal, checkUnitStride, limitIds } from "./check_operands.ts";
import { concatenate } from "./concatenate.ts";
import { add } from "./elementwise.ts";
import { IdRange } from "./id_range.ts";
import { createConstant } from "./inputs.ts";
import { borrowInto, differentiable, differentiableAll, recorderFor } from "./recorder.ts";
import { checkedShape } from "./shape.ts";
import { f32Layout, type Tensor } from "./tensor.ts";
import { addRowsAt } from "./training/add_rows_at.ts";
import { hasTrainingKernels } from "./training/has_training_kernels.ts";
import { contiguous, dense, reshape, slice, toF32 } from "./views.ts";

/**
 * Where the `k` largest elements of each row are, in no particular order.
 *
 * @param x (rows columns), f32
 * @returns (rows k), i32
 */
export function topK(x: Tensor, k: number): Tensor {
  const recorder = recorderFor("find the largest elements of", x);
  checkF32("find the largest elements of", x);
  if (x.shape.length !== 2 || !Number.isInteger(k) || k < 1 || k > x.shape[1]) {
    throw new RangeError(`Cannot find the largest elements of ${x}: received a k of ${k}`);
  }
  return recorder.record(
    [dense(x)],
    (context, x) => library().ggml_top_k(context, x, k),
    { shape: [x.shape[0], k], dtype: "i32" },
    { ids: IdRange.below(x.shape[1]) },
  );
}

/**
 * Elements of each row: result[r, i] = x[r, columns[r, i]].
 *
 * @param x (rows columns), f32
 * @param columns (rows k), i32: an input, what `topK()` returned, or a view or copy of such
 * @returns (rows k), f32
 * @throws {RangeError} if the columns are computed and may be more than there are
 */
export function pick(x: Tensor, columns: Tensor): Tensor {
  const recorder = recorderFor("pick from", x, columns);
  checkF32("pick from", x);
  const fits = x.shape.length === 2 && columns.shape.length === 2 && columns.dtype === "i32" &&
    columns.shape[0] === x.shape[0];
  if (!fits) throw new TypeError(`Cannot pick ${columns} from ${x}: their shapes do not fit.`);
  limitIds("pick", columns, x.shape[1]);
  const own = borrowInto(recorder, x);
  const picked = recorder.asOne(() => {
    // Each element as a row of its own, in a table for each row.
    const table = reshape(dense(own), [...x.shape, 1]);
    const rows = recorder.record(
      [table, contiguous(borrowInto(recorder, columns))],
      (context, table, ids) => library().ggml_get_rows(context, table, ids),
      f32Layout([...columns.shape, 1]),
    );
    return reshape(rows, columns.shape);
  });
  return differentiable(picked, [x, (gradient) => putBack(gradient, columns, own)]);
}

/** F32 tells so many places apart. */
const MOST_PLACES = 2 ** 24;

/**
 * The opposite of {@linkcode pick}: elements added to each other by their columns, in each row.
 *
 * @param elements (rows k)
 * @param columns (rows k), i32
 * @param x (rows columns): only its shape is of interest
 */
function putBack(elements: Tensor, columns: Tensor, x: Tensor): Tensor {
  const [numRows, width] = x.shape;
  const rowsAtOnce = Math.max(1, Math.floor(MOST_PLACES / width));
  const parts: Tensor[] = [];
  for (let start = 0; start < numRows; start += rowsAtOnce) {
    const end = Math.min(numRows, start + rowsAtOnce);
    const [part, partOf] = [elements, columns].map((y) => contiguous(slice(y, 0, start, end)));
    const table = reshape(dense(slice(x, 0, start, end)), [(end - start) * width, 1]);
    const sums = sumOfRowsById(reshape(part, [...part.shape, 1]), placesOf(partOf, width), table);
    parts.push(reshape(sums, [end - start, width]));
  }
  return parts.length === 1 ? parts[0] : concatenate(parts);
}

/** Where columns of each row are in all of them, one row after another. ggml adds numbers of F32 only. */
function placesOf(columns: Tensor, width: number): Tensor {
  const recorder = recorderFor("find", columns);
  const [numRows, k] = columns.shape;
  const firsts = Float32Array.from({ length: numRows }, (_, row) => row * width);
  const places = add(toF32(columns), createConstant(recorder, [numRows, 1], firsts));
  const { id } = tensorTypeInfo("i32");
  return recorder.record(
    [places],
    (context, places) => library().ggml_cast(context, places, id),
    { shape: [numRows, k], dtype: "i32" },
    { ids: IdRange.below(numRows * width) },
  );
}

/**
 * Rows of a table: result[..., :] = table[ids[...], :].
 *
 * @param table (rows, width), of any type of real numbers but f64
 * @param ids any shape, i32: an input, which then takes only numbers of rows that there are; what `topK()` returned; or a
 *   view or copy of such
 * @returns (...ids, width), f32
 * @throws {RangeError} if the ids are computed and may be more than there are rows
 */
export function lookup(table: Tensor, ids: Tensor): Tensor {
  const recorder = recorderFor("look up", ids, table);
  if (table.shape.length !== 2 || ids.dtype !== "i32") {
    throw new TypeError(
      `Cannot look up ${ids} in ${table}: a table of rows and i32 ids are needed.`,
    );
  }
  checkUnitStride("look up in", table);
  checkReal("look up in", table);
  checkedShape("look up ids", [...ids.shape, table.shape[1]]);
  limitIds("look up", ids, table.shape[0]);
  const width = table.shape[1];
  const found = recorder.asOne(() => {
    const flat = reshape(contiguous(borrowInto(recorder, ids)), [ids.size]);
    const rows = recorder.record(
      [table, flat],
      (context, table, ids) => library().ggml_get_rows(context, table, ids),
      f32Layout([ids.size, width]),
    );
    return reshape(rows, [...ids.shape, width]);
  });
  differentiableAll([found], {
    x: table,
    rule: ([gradient], soFar) => sumOfRowsById(gradient!, ids, table, soFar),
    addsUp: hasTrainingKernels(recorder.backend),
  });
  return found;
}

/**
 * The opposite of {@linkcode lookup}: rows added to each other by their ids: result[id, :] = the sum of rows[i, :] where
 * ids[i] = id.
 *
 * @param rows (...ids, width), f32
 * @param ids any shape, i32: what was looked up in `table`
 * @param table (numRows, width): only its shape is of interest
 * @param soFar (numRows, width): what they are added to, in place
 * @returns (numRows, width)
 */
function sumOfRowsById(rows: Tensor, ids: Tensor, table: Tensor, soFar?: Tensor): Tensor {
  const [numRows, width] = table.shape;
  const recorder = recorderFor("add up", rows, ids);
  if (hasTrainingKernels(recorder.backend)) return addRowsAt(soFar, ids, rows, numRows);
  return recorder.record(
    [reshape(dense(rows), [ids.size, width]), reshape(contiguous(ids), [ids.size]), table],
    (context, rows, ids, table) => library().ggml_get_rows_back(context, rows, ids, table),
    f32Layout(table.shape),
  );
}
