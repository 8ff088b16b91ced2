/**
 * Compares the symbol tables and struct layouts in `src/ffi` with the C headers of the pinned ggml and of `native/`.
 * Deno believes a table: a wrong one corrupts memory.
 *
 *     deno run -A scripts/check_symbols.ts
 *
 * Exits with 1 and a list if anything differs.
 *
 * @module
 */

import type { StructLayout } from "../src/ffi/structs.ts";
import { symbols, symbolsOfPrebuilt } from "../src/ffi/symbols.ts";
import {
  type CHeader,
  type CType,
  type CVariable,
  mergeHeaders,
  normalizePrototype,
  parseHeader,
} from "./c_header.ts";
import { ensureGgmlSource, ggmlVersion } from "./native_source.ts";

/** An entry of a symbol table, as `Deno.dlopen` takes it. */
interface TableEntry {
  name?: string;
  parameters: readonly NativeType[];
  result: NativeType;
}

type NativeType = string | { readonly struct: readonly NativeType[] };

/** A symbol table: C functions by name. */
export type SymbolTable = Record<string, TableEntry>;

/** What the checks need to know of all headers together, and in what order one of them declares its functions. */
export interface HeaderContext {
  /** The header of the table. */
  header: CHeader;
  /** All headers, for the types that the header takes from others. */
  all: CHeader;
}

/** How Deno names the plain C types. */
const PLAIN_KINDS: Record<string, string> = {
  void: "void",
  bool: "bool",
  char: "i8",
  int: "i32",
  int8_t: "i8",
  int16_t: "i16",
  int32_t: "i32",
  int64_t: "i64",
  uint8_t: "u8",
  uint16_t: "u16",
  uint32_t: "u32",
  uint64_t: "u64",
  size_t: "usize",
  float: "f32",
  double: "f64",
};

/** The sizes of those, which are also their alignments, on the 64-bit systems that Deno runs on. */
const KIND_BYTES: Record<string, number> = {
  bool: 1,
  i8: 1,
  u8: 1,
  i16: 2,
  u16: 2,
  i32: 4,
  u32: 4,
  f32: 4,
  i64: 8,
  u64: 8,
  f64: 8,
  usize: 8,
  pointer: 8,
};

const QUALIFIERS = new Set(["const", "volatile", "restrict", "GGML_RESTRICT"]);

/** Deno's name for a C type, such as `pointer` or `i32`, or the fields' for a struct. Throws if the type is not known. */
export function kindOf(type: CType, all: CHeader): NativeType {
  if (type.includes("*") || type.includes("[") || type.includes("(")) return "pointer";
  const words = type.filter((word) => !QUALIFIERS.has(word));
  if (words[0] === "enum") return "i32";
  if (words[0] === "struct") {
    const fields = all.structs.get(words[1]);
    if (fields === undefined) throw new Error(`struct ${words[1]} is not declared`);
    const array = fields.find((field) => field.type.includes("["));
    if (array !== undefined) throw new Error(`the array ${array.name} cannot be passed by value`);
    return { struct: fields.map((field) => kindOf(field.type, all)) };
  }
  const plain = PLAIN_KINDS[words.join(" ")];
  if (plain !== undefined) return plain;
  const alias = words.length === 1 ? all.typedefs.get(words[0]) : undefined;
  if (alias === undefined) throw new Error(`the type ${words.join(" ")} is not known`);
  return kindOf(alias, all);
}

/**
 * Compares one symbol table with its header.
 *
 * @param table the table itself
 * @param source the text of its file, for the prototypes in its comments
 * @returns the differences, each as a sentence
 */
export function checkTable(table: SymbolTable, source: string, context: HeaderContext): string[] {
  const differences: string[] = [];
  const comments = readPrototypes(source);
  let previous = -1;
  for (const [key, entry] of Object.entries(table)) {
    const report = (difference: string) => differences.push(`${key}: ${difference}`);
    const name = entry.name ?? key;
    const index = context.header.functions.findIndex((declared) => declared.name === name);
    if (index === -1) {
      report(`the header declares no function ${name}`);
      continue;
    }
    const declared = context.header.functions[index];
    if (index < previous) report("it is out of the header's order");
    previous = index;
    const comment = comments.get(key);
    if (comment === undefined || normalizePrototype(comment) !== declared.prototype) {
      report(`its comment is not the prototype: ${comment} instead of ${declared.prototype}`);
    }
    if (entry.parameters.length !== declared.parameters.length) {
      report(
        `it has ${entry.parameters.length} parameters instead of ${declared.parameters.length}`,
      );
      continue;
    }
    declared.parameters.forEach((parameter, i) => {
      const kind = kindOf(parameter.type, context.all);
      if (!isPassedAs(entry.parameters[i], kind)) {
        report(
          `parameter ${parameter.name} is ${show(entry.parameters[i])} instead of ${show(kind)}`,
        );
      }
    });
    const result = kindOf(declared.result, context.all);
    if (show(entry.result) !== show(result)) {
      report(`its result is ${show(entry.result)} instead of ${show(result)}`);
    }
  }
  return differences;
}

/** Compares a struct that is passed by value with its declaration. */
export function checkStructKinds(name: string, struct: NativeType, all: CHeader): string[] {
  const declared = kindOf(["struct", name], all);
  if (show(struct) === show(declared)) return [];
  return [`struct ${name} is ${show(struct)} instead of ${show(declared)}`];
}

/** Compares offsets and size of a struct with its declaration. */
export function checkStructLayout(layout: StructLayout, all: CHeader): string[] {
  const fields = all.structs.get(layout.name);
  if (fields === undefined) return [`struct ${layout.name} is not declared`];
  const { byteLength, offsets } = layOut(fields, all);
  const differences = Object.entries(layout.offsets)
    .filter(([field, offset]) => offsets.get(field) !== offset)
    .map(([field, offset]) =>
      `${layout.name}.${field} is at ${offset} instead of ${offsets.get(field)}`
    );
  if (byteLength !== layout.byteLength) {
    differences.push(
      `struct ${layout.name} has ${layout.byteLength} bytes instead of ${byteLength}`,
    );
  }
  return differences;
}

/** Places the fields as a C compiler does: each at the next multiple of its alignment. */
function layOut(fields: CVariable[], all: CHeader) {
  const offsets = new Map<string, number>();
  let end = 0;
  let largest = 1;
  for (const { name, type } of fields) {
    const bracket = type.indexOf("[");
    const kind = kindOf(bracket === -1 ? type : type.slice(0, bracket), all);
    const bytes = typeof kind === "string" ? KIND_BYTES[kind] : undefined;
    if (bytes === undefined) throw new Error(`the field ${name} cannot be placed: ${show(kind)}`);
    const start = Math.ceil(end / bytes) * bytes;
    offsets.set(name, start);
    end = start + bytes * (bracket === -1 ? 1 : arrayLength(type.slice(bracket + 1), all));
    largest = Math.max(largest, bytes);
  }
  return { offsets, byteLength: Math.ceil(end / largest) * largest };
}

/** How many elements there are in `[4]`, `[GGML_MAX_DIMS]`, or `[GGML_MAX_OP_PARAMS / sizeof(int32_t)]`. */
function arrayLength([length, operator, , , divisor]: string[], all: CHeader): number {
  const count = all.constants.get(length) ?? Number(length);
  return operator === "/" ? count / KIND_BYTES[PLAIN_KINDS[divisor]] : count;
}

/** Whether a parameter that is `declared` so in C may stand as `entry` in a table. */
function isPassedAs(entry: NativeType, declared: NativeType): boolean {
  if (declared === "pointer") return ["pointer", "buffer", "function"].includes(show(entry));
  return show(entry) === show(declared);
}

function show(type: NativeType): string {
  return typeof type === "string" ? type : `{ ${type.struct.map(show).join(", ")} }`;
}

/** The comment above each entry of a table. */
function readPrototypes(source: string): Map<string, string> {
  const comments = new Map<string, string>();
  for (const [, comment, key] of source.matchAll(/^((?: {2}\/\/.*\n)+) {2}(\w+): \{/gm)) {
    comments.set(key, comment.replace(/^ *\/\/ */gm, "").trim());
  }
  return comments;
}

/** The headers of this package's own, by the files of `src/ffi` that are about them. */
const OWN_HEADERS: Readonly<Record<string, string>> = {
  "gpt2_native.ts": `${import.meta.dirname}/../native/gpt2.h`,
  "gpt2_training.ts": `${import.meta.dirname}/../native/training/gpt2_training.h`,
};

/** The header that a file of `src/ffi` is about: `ggml_backend.ts` is about `ggml-backend.h`. */
function headerPath(file: string, source: string): string {
  return OWN_HEADERS[file] ??
    `${source}/include/${file.replace(/\.ts$/, "").replaceAll("_", "-")}.h`;
}

/** Checks all of `src/ffi`; returns the differences, and how much was compared. */
export async function checkAll(): Promise<{ differences: string[]; numCompared: number }> {
  const native = `${import.meta.dirname}/../native`;
  const source = await ensureGgmlSource(`${native}/build`, (doing) => write(`${doing} ...\n`));
  const folder = `${import.meta.dirname}/../src/ffi`;
  const differences: string[] = [];
  let numCompared = 0;
  const headers = Array.from(Deno.readDirSync(`${source}/include`))
    .filter(({ name }) => name.endsWith(".h") && name !== "ggml-cpp.h")
    .map(({ name }) => `${source}/include/${name}`);
  const all = mergeHeaders(
    [...headers, ...Object.values(OWN_HEADERS)].map((path) =>
      parseHeader(Deno.readTextFileSync(path))
    ),
  );
  for (const { name: file, isFile } of Deno.readDirSync(folder)) {
    if (!isFile) continue;
    const text = Deno.readTextFileSync(`${folder}/${file}`);
    if (!/^export const/m.test(text)) continue;
    for (const [name, value] of Object.entries(await import(`../src/ffi/${file}`))) {
      const found = checkExport(name, value, all, (table) => {
        const header = parseHeader(Deno.readTextFileSync(headerPath(file, source)));
        return [...checkTable(table, text, { header, all }), ...checkMerged(table)];
      });
      if (found === undefined) continue;
      numCompared++;
      differences.push(...found.map((difference) => `src/ffi/${file}: ${difference}`));
    }
  }
  return { differences, numCompared };
}

/** Checks an export of a file in `src/ffi`; undefined if it is nothing that a header declares. */
function checkExport(
  name: string,
  value: unknown,
  all: CHeader,
  check: (table: SymbolTable) => string[],
): string[] | undefined {
  if (name.endsWith("Symbols")) return check(value as SymbolTable);
  if (typeof value !== "object" || value === null) return undefined;
  if ("struct" in value) return checkStructKinds(name, value as NativeType, all);
  if ("offsets" in value) return checkStructLayout(value as StructLayout, all);
}

/** Each entry has to be in one of the tables that a library is opened with. */
function checkMerged(table: SymbolTable): string[] {
  const merged: SymbolTable = { ...symbols, ...symbolsOfPrebuilt };
  return Object.keys(table).filter((key) => merged[key] !== table[key])
    .map((key) => `${key}: it is not in src/ffi/symbols.ts, or another table has the name as well`);
}

function write(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}

if (import.meta.main) {
  const { differences, numCompared } = await checkAll();
  for (const difference of differences) write(`${difference}\n`);
  if (differences.length === 0) {
    write(`${numCompared} tables and structs agree with the headers of ggml ${ggmlVersion}.\n`);
  }
  Deno.exit(differences.length === 0 ? 0 : 1);
}
