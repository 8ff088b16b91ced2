/**
 * What `console.log()` shows of objects that keep everything to themselves, or hold very much.
 *
 * @module
 */

const CUSTOM_INSPECT = Symbol.for("Deno.customInspect");

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
  Object.defineProperty(type.prototype, CUSTOM_INSPECT, {
    value(this: T, inspect: Inspect, options: Deno.InspectOptions): string {
      let fields;
      try {
        fields = fieldsOf(this);
      } catch {
        return `${type.name} { it cannot be used any more }`;
      }
      return `${type.name} ${inspect(fields, inOneLine(options))}`;
    },
  });
}

/** The object, of whose long lists this many elements are shown, and all of it in one line. */
export function showBeginnings<T extends object>(object: T, numElements: number): T {
  return Object.defineProperty(object, CUSTOM_INSPECT, {
    value: (inspect: Inspect, options: Deno.InspectOptions): string =>
      inspect({ ...object }, { ...inOneLine(options), iterableLimit: numElements }),
  });
}

/** The object, which is shown as the call that made it: `ablate({ heads: [ 1 ] })`. */
export function showCall<T extends object>(object: T, name: string, options: object): T {
  return Object.defineProperty(object, CUSTOM_INSPECT, {
    value: (inspect: Inspect, inspecting: Deno.InspectOptions): string => {
      const isPlain = Object.keys(options).length === 0;
      return `${name}(${isPlain ? "" : inspect(options, inOneLine(inspecting))})`;
    },
  });
}

function inOneLine(options: Deno.InspectOptions): Deno.InspectOptions {
  return { ...options, compact: true, breakLength: Infinity };
}
