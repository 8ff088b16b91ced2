/**
 * Whether two schemas describe no document in common.
 *
 * @module
 */
import { doAtOnce } from "../../../base/event_loop.ts";
import { isSchemaObject, type SchemaObject, type TypeName, TYPES } from "./keywords.ts";

/** What a reference refers to; nothing if that is nowhere. */
export type LookUp = (ref: unknown) => unknown;

/** Schemas are looked into so deeply at most: references may go round. */
const MAX_DEPTH = 16;

/** The numbers of two alternatives. */
export type Pair = readonly [first: number, second: number];

/**
 * Finds the first two of some schemas that a document may fit both of; undefined if none are. In steps: alternatives are
 * compared only where they can meet, by a value or a property that tells most of them apart, but those that list no values
 * are compared with all.
 *
 * @param onCompare is called with each two that are compared
 */
export function* firstOverlap(
  options: readonly unknown[],
  lookUp: LookUp,
  onCompare?: (pair: Pair) => void,
): Generator<void, Pair | undefined> {
  const meetings = yield* likelyMeetings(options, lookUp);
  for (const [i, option] of options.entries()) {
    for (const k of meetings(i)) {
      onCompare?.([i, k]);
      if (!(yield* areDisjointInSteps(option, options[k], lookUp))) return [i, k];
    }
  }
  return undefined;
}

/** What may tell alternatives apart: their own value, or that of a property. */
interface Teller {
  /** By value: the numbers of the alternatives that list it. */
  readonly listings: Map<string, number[]>;
  /** How many alternatives list values. */
  numListing: number;
}

/** By the number of an alternative: those behind it, in order, that a document of it may fit, too. */
function* likelyMeetings(
  options: readonly unknown[],
  lookUp: LookUp,
): Generator<void, (i: number) => Iterable<number>> {
  const tellers = new Map<string | undefined, Teller>();
  for (const [i, option] of options.entries()) {
    for (const [name, values] of listedValues(option, lookUp)) {
      yield;
      const teller = tellers.get(name) ?? { listings: new Map<string, number[]>(), numListing: 0 };
      tellers.set(name, teller);
      teller.numListing++;
      for (const value of new Set(values.map(canonical))) {
        const listing = teller.listings.get(value);
        if (listing === undefined) teller.listings.set(value, [i]);
        else listing.push(i);
      }
    }
  }
  const { length } = options;
  let [fewest, best] = [length * (length - 1) / 2, undefined as Teller | undefined];
  for (const teller of tellers.values()) {
    const { listings, numListing } = teller;
    const numPairs = (length - numListing) * length +
      listings.values().reduce((sum, { length }) => sum + length * (length - 1) / 2, 0);
    if (numPairs < fewest) [fewest, best] = [numPairs, teller];
    yield;
  }
  const all = options.map((_, i) => i);
  if (best === undefined) return (i) => all.slice(i + 1);
  const listingsOf = options.map((): number[][] => []);
  for (const listing of best.listings.values()) {
    for (const i of listing) listingsOf[i].push(listing);
  }
  const others = all.filter((i) => listingsOf[i].length === 0);
  return (i) => {
    if (listingsOf[i].length === 0) return all.slice(i + 1);
    const met = new Set([...others, ...listingsOf[i].flat()].filter((k) => k > i));
    return [...met].sort((a, b) => a - b);
  };
}

/**
 * The values that the documents of a schema may have, where it lists them: by the name of a property that each has, and by
 * no name if they are the documents.
 */
function* listedValues(
  schema: unknown,
  lookUp: LookUp,
): Generator<[name: string | undefined, values: readonly unknown[]], void> {
  const followed = follow(schema, lookUp);
  if (!isSchemaObject(followed)) return;
  const values = valuesOf(followed);
  if (values !== undefined) yield [undefined, values];
  const { type, nullable = false, properties, required } = followed;
  // What is no object may have no property.
  if (type !== "object" || nullable !== false || !Array.isArray(required)) return;
  if (values !== undefined || !isSchemaObject(properties)) return;
  for (const name of new Set(required)) {
    if (typeof name !== "string" || !Object.hasOwn(properties, name)) continue;
    const property = follow(properties[name], lookUp);
    const listed = isSchemaObject(property) ? valuesOf(property) : undefined;
    if (listed !== undefined) yield [name, listed];
  }
}

/** What a reference leads to, by others too; nothing if it leads nowhere. */
function follow(schema: unknown, lookUp: LookUp): unknown {
  for (let depth = 0; depth <= MAX_DEPTH; depth++) {
    if (!isSchemaObject(schema)) return schema;
    // Alternatives and references are what areDisjoint() asks for first.
    if (schema.$ref === undefined) {
      return Array.isArray(schema.anyOf ?? schema.oneOf) ? undefined : schema;
    }
    schema = lookUp(schema.$ref);
  }
  return undefined;
}

/**
 * Whether it is sure that no document fits two schemas, by what tells alternatives apart in practice: their types, constants,
 * or a property that both require. Keywords are taken as JSON Schema has them: a schema that names no type allows all.
 */
export function areDisjoint(a: unknown, b: unknown, lookUp: LookUp): boolean {
  return doAtOnce(areDisjointInSteps(a, b, lookUp));
}

/** The same in steps: alternatives within alternatives are many pairs. */
function* areDisjointInSteps(
  a: unknown,
  b: unknown,
  lookUp: LookUp,
  depth = 0,
): Generator<void, boolean> {
  yield;
  if (a === false || b === false) return true;
  if (!isSchemaObject(a) || !isSchemaObject(b) || depth > MAX_DEPTH) return false;
  for (const [one, other] of [[a, b], [b, a]]) {
    if (one.$ref !== undefined) {
      return yield* areDisjointInSteps(lookUp(one.$ref), other, lookUp, depth + 1);
    }
    const options = one.anyOf ?? one.oneOf;
    if (!Array.isArray(options)) continue;
    for (const option of options) {
      if (!(yield* areDisjointInSteps(option, other, lookUp, depth + 1))) return false;
    }
    return true;
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
  return yield* hasDiscriminator(a, b, lookUp, depth);
}

/** Whether objects that fit both would need a property that cannot fit both. */
function* hasDiscriminator(
  a: SchemaObject,
  b: SchemaObject,
  lookUp: LookUp,
  depth: number,
): Generator<void, boolean> {
  const [propertiesOfA, propertiesOfB] = [a.properties, b.properties];
  if (!isSchemaObject(propertiesOfA) || !isSchemaObject(propertiesOfB)) return false;
  if (!Array.isArray(a.required) || !Array.isArray(b.required)) return false;
  const requiredByB = new Set(b.required);
  for (const name of new Set(a.required)) {
    if (!requiredByB.has(name)) continue;
    if (!Object.hasOwn(propertiesOfA, name) || !Object.hasOwn(propertiesOfB, name)) continue;
    const [one, other] = [propertiesOfA[name], propertiesOfB[name]];
    if (yield* areDisjointInSteps(one, other, lookUp, depth + 1)) return true;
  }
  return false;
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
