/**
 * From a JSON Schema to the documents that it describes.
 *
 * @module
 */
import { describe, quote } from "../../../base/describe.ts";
import { doInTurns, Turns } from "../../../base/event_loop.ts";
import { choice, type Expression, NOTHING, reference, Rule, text } from "../grammar/expression.ts";
import {
  boundsOf,
  checkKeywords,
  isSchemaObject,
  KEYWORDS_OF,
  listAt,
  schemaError,
  type SchemaObject,
  type TypeName,
  typesOf,
} from "./keywords.ts";
import { numberExpression, stringExpression } from "./scalars.ts";
import { firstOverlap, type Pair } from "./disjoint.ts";
import { ANY_VALUE, arrayOf, dictionaryOf, objectOf, type Property } from "./structures.ts";

/**
 * The documents that a schema describes, as `JSON.stringify()` would write them; only numbers may be written in any way.
 *
 * @throws {RangeError} if the schema says something that is not supported
 */
export function schemaExpression(schema: unknown): Promise<Expression> {
  return new SchemaReader(schema).read();
}

/** A definition, as far as it is read. */
interface Definition {
  readonly rule: Rule;
  readonly schema: unknown;
  /** The definitions that it begins with, before anything is written. */
  readonly begins: string[];
}

class SchemaReader {
  readonly #root: unknown;
  readonly #definitions = new Map<string, Definition>();
  readonly #turns = new Turns();
  /** Numbers and strings by what is said of them. */
  readonly #scalars = new Map<string, Rule>();

  constructor(root: unknown) {
    this.#root = root;
  }

  async read(): Promise<Expression> {
    const whole = this.#refer("#", "#", []);
    // A map is gone through in the order of adding, what is added meanwhile included.
    for (const [place, { rule, schema, begins }] of this.#definitions) {
      rule.expression = await this.#schema(schema, place, begins);
    }
    this.#refuseCircles();
    return whole;
  }

  /** A definition, read later: so it may refer to itself. */
  #refer(ref: unknown, place: string, begins: string[]): Expression {
    if (typeof ref !== "string" || !/^#(\/(\$defs|definitions)\/[^/]*)?$/.test(ref)) {
      throw schemaError(
        place,
        "a reference does not lead to a definition in this schema",
        describe(ref),
        'Use "#/$defs/name", or "#" for the whole',
      );
    }
    let definition = this.#definitions.get(ref);
    if (definition === undefined) {
      const schema = this.#lookUp(ref);
      if (schema === undefined) {
        throw schemaError(place, "there is no such definition", quote(ref), "Define it in $defs");
      }
      definition = { rule: new Rule(), schema, begins: [] };
      this.#definitions.set(ref, definition);
    }
    begins.push(ref);
    return reference(definition.rule);
  }

  /** What there is at a place; nothing if there is no such place. */
  #lookUp(ref: unknown): unknown {
    let schema = this.#root;
    // As RFC 6901 escapes names, within a fragment of a URL.
    for (const name of String(ref).split("/").slice(1)) {
      const key = decodeName(name);
      schema = isSchemaObject(schema) && Object.hasOwn(schema, key) ? schema[key] : undefined;
    }
    return schema;
  }

  /** Where no document fits two of them, exactly one fits wherever any does. */
  async #requireDisjoint(options: readonly unknown[], place: string): Promise<void> {
    let overlap: Pair | undefined;
    const lookUp = (ref: unknown) => this.#lookUp(ref);
    const steps = function* () {
      overlap = yield* firstOverlap(options, lookUp);
    };
    await doInTurns(steps());
    if (overlap === undefined) return;
    throw schemaError(
      place,
      "a document may fit two alternatives of oneOf, which is not supported",
      `numbers ${overlap.join(" and ")}`,
      "Use anyOf, or tell them apart by type, by const or enum, or by such a property that both require",
    );
  }

  /** A definition that refers only to itself describes nothing. */
  #refuseCircles(): void {
    const done = new Set<string>();
    const path: string[] = [];
    const visit = (ref: string) => {
      if (path.includes(ref)) {
        const circle = [...path.slice(path.indexOf(ref)), ref].join(" -> ");
        throw schemaError(ref, "a definition refers to itself", quote(circle), "Let one end it");
      }
      if (done.has(ref)) return;
      done.add(ref);
      path.push(ref);
      this.#definitions.get(ref)!.begins.forEach(visit);
      path.pop();
    };
    for (const ref of this.#definitions.keys()) visit(ref);
  }

  /** @param begins where the definitions are added that the value begins with; not those inside objects and arrays */
  async #schema(schema: unknown, place: string, begins: string[] = []): Promise<Expression> {
    await this.#turns.take();
    if (schema === true) return ANY_VALUE;
    if (schema === false) return NOTHING;
    if (!isSchemaObject(schema)) {
      throw schemaError(place, "there is no schema", describe(schema), "Use an object");
    }
    const whole = checkKeywords(schema, place);
    if (whole === "$ref") return this.#refer(schema.$ref, place, begins);
    if (whole === "allOf" || whole === "anyOf" || whole === "oneOf") {
      const options = listAt(schema, whole, place);
      if (whole === "allOf" && options.length !== 1) {
        throw schemaError(
          place,
          "allOf of other than one schema is not supported",
          `${options.length} of them`,
          "Write what they say into one",
        );
      }
      if (whole === "oneOf") await this.#requireDisjoint(options, place);
      return choice(
        await inTurn(options, (each, i) => this.#schema(each, `${place}/${whole}/${i}`, begins)),
      );
    }
    if (whole !== undefined) {
      const values = whole === "const" ? [schema.const] : listAt(schema, "enum", place);
      requireExactNumbers(values, whole, place);
      return choice(
        values.filter((value) => schema.type === undefined || isOfType(value, schema, place))
          .map((value) => text(JSON.stringify(value))),
      );
    }
    const types = typesOf(schema, place);
    return choice(await inTurn(types, (type) => this.#type(type, schema, place)));
  }

  async #type(type: TypeName, schema: SchemaObject, place: string): Promise<Expression> {
    switch (type) {
      case "null":
        return text("null");
      case "boolean":
        return choice([text("true"), text("false")]);
      case "integer":
      case "number":
        return await this.#once(type, schema, () => numberExpression(type, schema, place));
      case "string":
        return await this.#once(type, schema, () => stringExpression(schema, place));
      case "array":
        return await this.#array(schema, place);
      case "object":
        return await this.#object(schema, place);
    }
  }

  /** What many properties may be alike is built once for all of them. */
  async #once(
    type: "integer" | "number" | "string",
    schema: SchemaObject,
    make: () => Expression | Promise<Expression>,
  ): Promise<Expression> {
    const keywords = KEYWORDS_OF[type === "integer" ? "number" : type];
    const key = JSON.stringify([type, ...keywords.map((keyword) => schema[keyword])]);
    let rule = this.#scalars.get(key);
    if (rule === undefined) this.#scalars.set(key, rule = new Rule(await make()));
    return reference(rule);
  }

  /** The name of a property. */
  async #name(schema: unknown, place: string): Promise<Expression> {
    const asked = asString(schema);
    if (isSchemaObject(asked) && asked.type !== "string") {
      throw schemaError(place, "a name is no string", describe(asked.type), "Use a string");
    }
    return await this.#schema(asked, place);
  }

  async #array(schema: SchemaObject, place: string): Promise<Expression> {
    const { prefixItems, items = true, uniqueItems = false } = schema;
    if (uniqueItems !== false) {
      throw schemaError(
        place,
        "uniqueItems is not supported: what an item is does not depend on those before it",
        describe(uniqueItems),
        "Leave it out, and look in the document whether two are equal",
      );
    }
    if (Array.isArray(items)) {
      throw schemaError(place, "items is a list", describe(items), "Use prefixItems for that");
    }
    const first = prefixItems === undefined ? [] : await inTurn(
      listAt(schema, "prefixItems", place),
      (each, i) => this.#schema(each, `${place}/prefixItems/${i}`),
    );
    const rest = items === false
      ? undefined
      : reference(new Rule(await this.#schema(items, `${place}/items`)));
    const [min, max] = boundsOf(schema, "minItems", "maxItems", place);
    const isTooShort = min > first.length && rest === undefined;
    return isTooShort || min > max ? NOTHING : arrayOf(first, rest, min, max);
  }

  async #object(schema: SchemaObject, place: string): Promise<Expression> {
    const { properties = {}, additionalProperties = true } = schema;
    if (!isSchemaObject(properties)) {
      throw schemaError(place, "properties is no object", describe(properties), "Use an object");
    }
    const required = schema.required === undefined ? [] : listAt(schema, "required", place);
    for (const name of required) {
      if (typeof name === "string") continue;
      throw schemaError(place, "required has what is no name", describe(name), "Use texts");
    }
    const others = required.filter((name) => !Object.hasOwn(properties, name as string));
    const names = [...Object.keys(properties), ...new Set(others as string[])];
    if (names.length === 0) {
      if (additionalProperties === false) return objectOf([]);
      const value = await this.#schema(additionalProperties, `${place}/additionalProperties`);
      const { propertyNames = true } = schema;
      return dictionaryOf(
        await this.#name(propertyNames, `${place}/propertyNames`),
        reference(new Rule(value)),
      );
    }
    if (schema.propertyNames !== undefined) {
      throw schemaError(
        place,
        "propertyNames together with properties or required is not supported",
        describe(names[0]),
        "Leave out one of them",
      );
    }
    const listed = await inTurn(names, async (name): Promise<Property> => {
      const isListed = Object.hasOwn(properties, name);
      const value = isListed
        ? await this.#schema(properties[name], `${place}/properties/${name}`)
        : await this.#schema(additionalProperties, `${place}/additionalProperties`);
      return { name, value, isRequired: required.includes(name) };
    });
    return objectOf(listed);
  }
}

/** Any string, or one that a schema describes, which need not say that it is one. */
function asString(schema: unknown): unknown {
  if (schema === true) return { type: "string" };
  return isSchemaObject(schema) && schema.type === undefined
    ? { ...schema, type: "string" }
    : schema;
}

function isOfType(value: unknown, schema: SchemaObject, place: string): boolean {
  const types = typesOf(schema, place);
  if (value === null) return types.includes("null");
  if (Array.isArray(value)) return types.includes("array");
  return types.includes(typeof value as TypeName) ||
    (Number.isInteger(value) && types.includes("integer"));
}

function decodeName(name: string): string {
  try {
    name = decodeURIComponent(name);
  } catch {
    // A name with a percent sign that nobody escaped.
  }
  return name.replaceAll("~1", "/").replaceAll("~0", "~");
}

/** One after another: each may load something that the next finds loaded. */
async function inTurn<T, R>(
  list: readonly T[],
  convert: (each: T, place: number) => Promise<R>,
): Promise<R[]> {
  const converted: R[] = [];
  for (const [place, each] of list.entries()) converted.push(await convert(each, place));
  return converted;
}

/** A number that JavaScript reads as another one would be written as that. */
function requireExactNumbers(values: readonly unknown[], whole: string, place: string): void {
  // Not by recursion: values may be nested as deeply as they like.
  const left = [...values];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value === "object" && value !== null) {
      for (const each of Object.values(value)) left.push(each);
    }
    if (typeof value !== "number" || Math.abs(value) <= Number.MAX_SAFE_INTEGER) continue;
    throw schemaError(
      place,
      `${whole} has a number that is not read as it is written`,
      describe(value),
      `Use numbers up to ${Number.MAX_SAFE_INTEGER}, or texts`,
    );
  }
}
