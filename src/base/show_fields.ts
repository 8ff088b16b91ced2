/**
 * What `console.log()` shows of objects that keep everything to themselves.
 *
 * @module
 */

type Inspect = (value: unknown, options: Deno.InspectOptions) => string;

/**
 * Has the objects of a class shown in one line, as if they had these fields and no others: `Text { length: 3, ... }`.
 *
 * @param type the class
 * @param fieldsOf what to show; nothing of it is shown where this throws, as of something that is freed
 */
export function showFields<T extends object>(
  type: { readonly name: string; readonly prototype: T },
  fieldsOf: (value: T) => Readonly<Record<string, unknown>>,
): void {
  Object.defineProperty(type.prototype, Symbol.for("Deno.customInspect"), {
    value(this: T, inspect: Inspect, options: Deno.InspectOptions): string {
      let fields;
      try {
        fields = fieldsOf(this);
      } catch {
        return `${type.name} { it cannot be used any more }`;
      }
      return `${type.name} ${
        inspect(fields, { ...options, compact: true, breakLength: Infinity })
      }`;
    },
  });
}
