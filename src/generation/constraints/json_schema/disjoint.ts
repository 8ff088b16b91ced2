/**
 * Whether two schemas describe no document in common.
 *
 * @module
 */
import { isSchemaObject, type SchemaObject, type TypeName, TYPES } from "./keywords.ts";

/** What a reference refers to; nothing if that is nowhere. */
export type LookUp = (ref: unknown) => unknown;

/** Schemas are looked into so deeply at most: references may go round. */
const MAX_DEPTH = 16;

/**
 * Whether it is sure that no document fits two schemas, by what tells alternatives apart in practice: their types, constants,
 * or a property that both require. Keywords are taken as JSON Schema has them: a schema that names no type allows all.
 */
export function areDisjoint(a: unknown, b: unknown, lookUp: LookUp, depth = 0): boolean {
  if (a === false || b === false) return true;
  if (!isSchemaObject(a) || !isSchemaObject(b) || depth > MAX_DEPTH) return false;
  for (const [one, other] of [[a, b], [b, a]]) {
    if (one.$ref !== undefined) return areDisjoint(lookUp(one.$ref), other, lookUp, depth + 1);
    const options = one.anyOf ?? one.oneOf;
    if (Array.isArray(options)) {
      return options.every((option) => areDisjoint(option, other, lookUp, depth + 1));
    }
  }
  const values = [valuesOf(a), valuesOf(b)];
  if (values[0] !== undefined && values[1] !== undefined) {
    const known = new Set(values[0].map(canonical));
    return !values[1].some((value) => known.has(canonical(value)));
  }
  const [typesOfA, typesOfB] = [typesIn(a, values[0]), typesIn(b, values[1])];
  const common = typesOfA.intersection(typesOfB);
  if (common.size === 0) return true;
  if (common.size > 1 || !common.has("object")) return false;
  return hasDiscriminator(a, b, lookUp, depth);
}

/** Whether objects that fit both would need a property that cannot fit both. */
function hasDiscriminator(
  a: SchemaObject,
  b: SchemaObject,
  lookUp: LookUp,
  depth: number,
): boolean {
  const [propertiesOfA, propertiesOfB] = [a.properties, b.properties];
  if (!isSchemaObject(propertiesOfA) || !isSchemaObject(propertiesOfB)) return false;
  const isRequired = (schema: SchemaObject, name: string) =>
    Array.isArray(schema.required) && schema.required.includes(name);
  return Object.keys(propertiesOfA).some((name) =>
    Object.hasOwn(propertiesOfB, name) && isRequired(a, name) && isRequired(b, name) &&
    areDisjoint(propertiesOfA[name], propertiesOfB[name], lookUp, depth + 1)
  );
}

/** The values that a schema lists, if it lists them. */
function valuesOf(schema: SchemaObject): readonly unknown[] | undefined {
  if ("const" in schema) return [schema.const];
  return Array.isArray(schema.enum) ? schema.enum : undefined;
}

/** The types that a schema allows. A whole number counts as `number`. */
function typesIn(
  { type, nullable }: SchemaObject,
  values: readonly unknown[] | undefined,
): Set<TypeName> {
  const named = type === undefined ? TYPES : [type].flat() as TypeName[];
  const types = values?.map(typeOf) ?? [...named, ...nullable === true ? ["null" as const] : []];
  return new Set(types.map((each) => each === "integer" ? "number" : each));
}

function typeOf(value: unknown): TypeName {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value as TypeName;
}

/** A value as a text that equal values share, in whatever order they have their properties. */
function canonical(value: unknown): string {
  return JSON.stringify(
    value,
    (_key, each) =>
      isSchemaObject(each)
        ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => a < b ? -1 : 1))
        : each,
  );
}
