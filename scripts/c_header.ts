/**
 * Reads what ggml's public C headers declare: functions, structs, enums and typedefs. Not a C parser, but enough of one
 * for headers that hold declarations alone; what it does not understand it does not return.
 *
 * @module
 */

/** A C type as its tokens, without the name of what has it: `["const", "char", "*"]`. */
export type CType = string[];

/** A parameter, or a field of a struct. */
export interface CVariable {
  name: string;
  type: CType;
}

/** A function as a header declares it. */
export interface CFunction {
  name: string;
  result: CType;
  parameters: CVariable[];
  /** All of it, with single spaces: `void ggml_free(struct ggml_context * ctx)`. */
  prototype: string;
}

/** What one header, or several together, declare. */
export interface CHeader {
  /** In the order of the header. */
  functions: CFunction[];
  structs: Map<string, CVariable[]>;
  typedefs: Map<string, CType>;
  /** The `#define`s whose value is a whole number. */
  constants: Map<string, number>;
}

/** Says how a function is exported or printed, not what it is. */
const ANNOTATIONS = new Set([
  "GGML_API",
  "GGML_BACKEND_API",
  "GPT2_API",
  "GGML_NORETURN",
  "extern",
]);

/** Words that end a type, and so are not the name of a parameter. */
const TYPE_WORDS = new Set(["char", "int", "long", "unsigned", "float", "double", "bool", "void"]);

/** Reads the text of a header. */
export function parseHeader(text: string): CHeader {
  const header: CHeader = {
    functions: [],
    structs: new Map(),
    typedefs: new Map(),
    constants: new Map(),
  };
  const code = preprocess(text, header.constants);
  for (const statement of splitStatements(tokenize(code))) readStatement(statement, header);
  return header;
}

/** What several headers declare together; later ones may use the types of earlier ones. */
export function mergeHeaders(headers: CHeader[]): CHeader {
  return {
    functions: headers.flatMap((header) => header.functions),
    structs: new Map(headers.flatMap((header) => [...header.structs])),
    typedefs: new Map(headers.flatMap((header) => [...header.typedefs])),
    constants: new Map(headers.flatMap((header) => [...header.constants])),
  };
}

/** Removes comments, directives and what is for C++ alone, and notes the constants. */
function preprocess(text: string, constants: Map<string, number>): string {
  const lines = text
    .replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, " ")
    .replace(/\\\r?\n/g, " ")
    .split("\n");
  // The open conditions, and whether the lines under each count. Only those on C++ and CUDA leave lines out; others
  // choose between definitions of macros.
  const open: { onLanguage: boolean; keeps: boolean }[] = [];
  const kept: string[] = [];
  for (const line of lines) {
    const [, directive, rest] = line.match(/^\s*#\s*(\w+)\s*(.*)/) ?? [];
    if (directive === undefined) {
      if (open.every(({ keeps }) => keeps)) kept.push(line);
    } else if (directive.startsWith("if")) {
      const onLanguage = /__cplusplus|__CUDACC__/.test(rest);
      open.push({ onLanguage, keeps: !onLanguage });
    } else if (directive === "else") {
      const condition = open.at(-1);
      if (condition?.onLanguage) condition.keeps = true;
    } else if (directive === "endif") {
      open.pop();
    } else if (directive === "define") {
      const [, name, value] = rest.match(/^(\w+)\s+(\d+)\s*$/) ?? [];
      if (name !== undefined) constants.set(name, Number(value));
    }
  }
  return kept.join("\n");
}

function tokenize(code: string): string[] {
  return code.match(/"(?:[^"\\]|\\.)*"|\w+|\.\.\.|[^\s\w]/g) ?? [];
}

/** The statements outside of functions, each without its semicolon. */
function* splitStatements(tokens: string[]): Generator<string[]> {
  let statement: string[] = [];
  let depth = 0;
  for (const token of tokens) {
    if (token === "{") depth++;
    if (token === "}") depth--;
    if (depth === 0 && token === ";") {
      yield statement;
      statement = [];
    } else {
      statement.push(token);
    }
  }
}

function readStatement(statement: string[], header: CHeader): void {
  const tokens = unwrap(statement);
  if (tokens[0] === "typedef") {
    readTypedef(tokens.slice(1), header);
  } else if (tokens[0] === "struct" && tokens[2] === "{") {
    header.structs.set(tokens[1], readFields(tokens.slice(3, tokens.lastIndexOf("}"))));
  } else if (!tokens.includes("{")) {
    readFunction(tokens, header);
  }
}

/** Removes annotations: `GGML_DEPRECATED(declaration, "hint")` and `GGML_ATTRIBUTE_FORMAT(1, 2)` around and before it. */
function unwrap(tokens: string[]): string[] {
  const rest = tokens.filter((token) => !ANNOTATIONS.has(token));
  if (rest[0] === "GGML_ATTRIBUTE_FORMAT") return unwrap(rest.slice(closing(rest, 1) + 1));
  if (rest[0] === "GGML_DEPRECATED") {
    const [declaration] = splitAtCommas(rest.slice(2, closing(rest, 1)));
    return unwrap(declaration);
  }
  return rest;
}

function readTypedef(tokens: string[], header: CHeader): void {
  const pointerAt = tokens.indexOf("*", tokens.indexOf("("));
  if (tokens.includes("(") && tokens[pointerAt - 1] === "(") {
    // A pointer to a function: `result (*name)(parameters)`.
    header.typedefs.set(tokens[pointerAt + 1], ["void", "*"]);
  } else if (tokens[0] === "struct" && tokens.includes("{")) {
    const fields = readFields(tokens.slice(tokens.indexOf("{") + 1, tokens.lastIndexOf("}")));
    header.structs.set(tokens.at(-1)!, fields);
    header.typedefs.set(tokens.at(-1)!, ["struct", tokens.at(-1)!]);
  } else if (!tokens.includes("{")) {
    const { name, type } = readVariable(tokens);
    header.typedefs.set(name, type);
  }
}

function readFunction(tokens: string[], header: CHeader): void {
  const parenthesis = tokens.indexOf("(");
  const name = tokens[parenthesis - 1];
  if (
    parenthesis < 2 || !/^\w+$/.test(name) || closing(tokens, parenthesis) !== tokens.length - 1
  ) {
    return;
  }
  const list = tokens.slice(parenthesis + 1, -1);
  const isEmpty = list.length === 0 || (list.length === 1 && list[0] === "void");
  header.functions.push({
    name,
    result: tokens.slice(0, parenthesis - 1),
    parameters: isEmpty ? [] : splitAtCommas(list).map(readVariable),
    prototype: printTokens(tokens),
  });
}

function readFields(tokens: string[]): CVariable[] {
  const fields: CVariable[] = [];
  let field: string[] = [];
  for (const token of tokens) {
    if (token === ";") {
      fields.push(readVariable(field));
      field = [];
    } else {
      field.push(token);
    }
  }
  return fields;
}

/** Splits `const char * name [ 4 ]` into name and type; the brackets stay with the type. */
function readVariable(tokens: string[]): CVariable {
  const bracket = tokens.indexOf("[");
  const brackets = bracket === -1 ? [] : tokens.slice(bracket);
  const declaration = bracket === -1 ? tokens : tokens.slice(0, bracket);
  const last = declaration.at(-1) ?? "";
  const named = declaration.length > 1 && /^\w+$/.test(last) && !TYPE_WORDS.has(last) &&
    !["struct", "enum"].includes(declaration.at(-2)!);
  return named
    ? { name: last, type: [...declaration.slice(0, -1), ...brackets] }
    : { name: "", type: tokens };
}

function splitAtCommas(tokens: string[]): string[][] {
  const parts: string[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (token === "(") depth++;
    if (token === ")") depth--;
    if (token === "," && depth === 0) parts.push([]);
    else parts.at(-1)!.push(token);
  }
  return parts;
}

/** Where the parenthesis that opens at `start` closes. */
function closing(tokens: string[], start: number): number {
  let depth = 0;
  for (let i = start; i < tokens.length; i++) {
    if (tokens[i] === "(") depth++;
    if (tokens[i] === ")" && --depth === 0) return i;
  }
  return -1;
}

/** A prototype with its white space made uniform. */
export function normalizePrototype(text: string): string {
  return printTokens(tokenize(text));
}

function printTokens(tokens: string[]): string {
  return tokens.join(" ").replace(/ (?=[,()[\]])/g, "").replace(/(?<=[([]) /g, "");
}
