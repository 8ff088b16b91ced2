import { assert, assertEquals, assertGreaterOrEqual, assertThrows } from "@std/assert";
import { normalizePrototype, parseHeader } from "../../scripts/c_header.ts";
import {
  checkAll,
  checkStructKinds,
  checkStructLayout,
  checkTable,
  kindOf,
  type SymbolTable,
} from "../../scripts/check_symbols.ts";

const HEADER = parseHeader(`
#pragma once
#ifdef __cplusplus
extern "C" {
template <typename T> void only_in_cpp(T value);
#endif
#define MAX_PARTS 3 // a comment
typedef struct part * part_t;
typedef bool (*keep_going_t)(void * data);
enum color { RED, GREEN };
struct whole {
    bool  flags[MAX_PARTS];
    size_t length; /* after a gap */
    enum color color;
};
struct pair { void * data; bool owned; };
GGML_API void first (      struct whole * whole,
                     part_t part);
GGML_DEPRECATED(GGML_API float second(const char * name, int64_t count, keep_going_t go),
    "use first instead");
GGML_API size_t third(struct pair pair, enum color color, int numbers[4]);
`);
const CONTEXT = { header: HEADER, all: HEADER };

const TABLE = {
  first: { parameters: ["pointer", "buffer"], result: "void" },
  second_in_background: {
    name: "second",
    parameters: ["buffer", "i64", "function"],
    result: "f32",
  },
  third: {
    parameters: [{ struct: ["pointer", "bool"] }, "i32", "buffer"],
    result: "usize",
  },
} as const satisfies SymbolTable;

const SOURCE = `
export const exampleSymbols = {
  // void first(struct whole * whole, part_t part)
  first: {
  // float second(const char * name,
  //   int64_t count, keep_going_t go)
  second_in_background: {
  // size_t third(struct pair pair, enum color color, int numbers[4])
  third: {
`;

/** The differences of a table that is right but for some entries. */
function differencesWith(changes: SymbolTable, source = SOURCE): string[] {
  return checkTable({ ...TABLE, ...changes }, source, CONTEXT);
}

Deno.test("the symbol tables and structs of src/ffi agree with the headers", async () => {
  const { differences, numCompared } = await checkAll();
  assertEquals(differences, []);
  assertGreaterOrEqual(numCompared, 8);
});

Deno.test("parseHeader() reads functions, structs, typedefs and constants", () => {
  assertEquals(HEADER.functions.map((declared) => declared.prototype), [
    "void first(struct whole * whole, part_t part)",
    "float second(const char * name, int64_t count, keep_going_t go)",
    "size_t third(struct pair pair, enum color color, int numbers[4])",
  ]);
  assertEquals(HEADER.structs.get("whole")?.map(({ name }) => name), ["flags", "length", "color"]);
  assertEquals(HEADER.constants.get("MAX_PARTS"), 3);
});

Deno.test("kindOf() names a C type as Deno does", () => {
  const kinds: [string, string][] = [
    ["part_t", "pointer"],
    ["keep_going_t", "pointer"],
    ["const float *", "pointer"],
    ["const enum color", "i32"],
    ["uint8_t", "u8"],
    ["bool", "bool"],
  ];
  for (const [type, kind] of kinds) assertEquals(kindOf(type.split(" "), HEADER), kind);
});

Deno.test("checkTable() accepts a table that is right", () => {
  assertEquals(differencesWith({}), []);
});

const mistakes: { mistake: string; changes: SymbolTable; expected: string }[] = [
  {
    mistake: "a function that is not declared",
    changes: { fourth: { parameters: [], result: "void" } },
    expected: "fourth: the header declares no function fourth",
  },
  {
    mistake: "a missing parameter",
    changes: { first: { parameters: ["pointer"], result: "void" } },
    expected: "first: it has 1 parameters instead of 2",
  },
  {
    mistake: "a parameter of another kind",
    changes: { first: { parameters: ["pointer", "i32"], result: "void" } },
    expected: "first: parameter part is i32 instead of pointer",
  },
  {
    mistake: "an integer of another width",
    changes: {
      second_in_background: {
        ...TABLE.second_in_background,
        parameters: ["buffer", "i32", "pointer"],
      },
    },
    expected: "second_in_background: parameter count is i32 instead of i64",
  },
  {
    mistake: "another result",
    changes: { third: { ...TABLE.third, result: "u32" } },
    expected: "third: its result is u32 instead of usize",
  },
  {
    mistake: "another struct",
    changes: {
      third: { ...TABLE.third, parameters: [{ struct: ["pointer", "i32"] }, "i32", "buffer"] },
    },
    expected: "third: parameter pair is { pointer, i32 } instead of { pointer, bool }",
  },
];

for (const { mistake, changes, expected } of mistakes) {
  Deno.test(`checkTable() finds ${mistake}`, () => {
    const differences = differencesWith(changes);
    assert(differences.includes(expected), differences.join("\n"));
    assertEquals(differences.length, 1);
  });
}

Deno.test("checkTable() finds entries in another order than the header's", () => {
  const { first, ...rest } = TABLE;
  assertEquals(checkTable({ ...rest, first }, SOURCE, CONTEXT), [
    "first: it is out of the header's order",
  ]);
});

Deno.test("checkTable() finds a comment that is missing or not the prototype", () => {
  const without = SOURCE.replace("  // void first(struct whole * whole, part_t part)\n", "");
  assertEquals(differencesWith({}, without).length, 1);
  const other = SOURCE.replace("part_t part)", "part_t other)");
  assertEquals(differencesWith({}, other).length, 1);
  const spaces = SOURCE.replace("(struct whole * whole,", "( struct  whole* whole ,");
  assertEquals(differencesWith({}, spaces), []);
});

Deno.test("checkStructKinds() compares the fields of a struct passed by value", () => {
  assertEquals(checkStructKinds("pair", { struct: ["pointer", "bool"] }, HEADER), []);
  assertEquals(checkStructKinds("pair", { struct: ["pointer", "i32"] }, HEADER).length, 1);
  assertThrows(() => checkStructKinds("whole", { struct: [] }, HEADER), Error, "flags");
});

Deno.test("checkStructLayout() compares offsets and size, with the gaps of alignment", () => {
  const layout = { name: "whole", byteLength: 24, offsets: { flags: 0, length: 8, color: 16 } };
  assertEquals(checkStructLayout(layout, HEADER), []);
  assertEquals(checkStructLayout({ ...layout, byteLength: 20 }, HEADER), [
    "struct whole has 20 bytes instead of 24",
  ]);
  assertEquals(checkStructLayout({ ...layout, offsets: { length: 3 } }, HEADER), [
    "whole.length is at 3 instead of 8",
  ]);
});

Deno.test("normalizePrototype() makes white space uniform", () => {
  assertEquals(
    normalizePrototype("void  f (const char*text ,int n [ 2 ])"),
    "void f(const char * text, int n[2])",
  );
});
