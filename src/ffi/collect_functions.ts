/**
 * Functions of shared libraries, by name.
 *
 * @module
 */
import { oftenCalled } from "./symbols.ts";

/** Each function from the first file that has it. */
export function collectFunctions(
  paths: readonly string[],
  definitions: Readonly<Record<string, Deno.ForeignFunction>>,
): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  let missing = Object.entries(definitions);
  for (const path of paths) {
    const addresses = Deno.dlopen(path, Object.fromEntries(missing.map(addressOf))).symbols;
    const here = missing.filter(([name]) => addresses[name] !== null);
    missing = missing.filter(([name]) => addresses[name] === null);
    const direct = here.filter(([name, { nonblocking }]) => nonblocking || oftenCalled.has(name));
    Object.assign(found, Deno.dlopen(path, Object.fromEntries(direct)).symbols);
    for (const [name, definition] of here) {
      if (name in found) continue;
      const address = addresses[name] as Deno.PointerObject<Deno.ForeignFunction>;
      const pointer = new Deno.UnsafeFnPointer(address, definition);
      found[name] = pointer.call.bind(pointer);
    }
  }
  if (missing.length > 0) throw new Error(`Failed to register symbol ${missing[0][0]}`);
  return found;
}

/** How to look up the address of a function that a library may have. */
function addressOf(
  [name, definition]: [string, Deno.ForeignFunction],
): [string, Deno.ForeignStatic] {
  return [name, { name: definition.name ?? name, type: "pointer", optional: true }];
}
