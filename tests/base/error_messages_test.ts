/** What errors say, all over the package. */
import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { DisposedError } from "../../src/base/errors.ts";

const source = fileURLToPath(new URL("../../src", import.meta.url));
/** Matches a text in the source that begins with these words. */
const literal = (begin = "") =>
  `(?:"${begin}(?:[^"\\\\\\n]|\\\\.)*"|'${begin}(?:[^'\\\\\\n]|\\\\.)*'|\`${begin}(?:[^\`\\\\]|\\\\.)*\`)`;
/** Matches messages that are written out to their end, in as many parts as they have. */
const MESSAGE = new RegExp(`(${literal("Cannot ")}(?:\\s*\\+\\s*${literal()})*)\\s*[,;)]`, "g");

function* filesIn(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* filesIn(`${folder}/${name}`);
    else yield `${folder}/${name}`;
  }
}

function messagesIn(text: string): string[] {
  const code = text.replaceAll(/^\s*(\*|\/\*|\/\/).*/gm, "");
  return Array.from(code.matchAll(MESSAGE), ([, message]) => message);
}

/** Those that end as no sentence does. What is put in at the end may be one, and a space is followed by more. */
function unfinished(text: string): string[] {
  return messagesIn(text).filter((message) => !/[.?! }]["'`]$/.test(message));
}

Deno.test("what cannot be done is said in sentences", () => {
  const files = filesIn(source).map((path) => Deno.readTextFileSync(path)).toArray();
  assertEquals(files.flatMap(unfinished), []);
  const numMessages = files.flatMap(messagesIn).length;
  assert(numMessages > 300, `only ${numMessages} messages were found`);
});

Deno.test("a message that ends as no sentence is found", () => {
  assertEquals(
    unfinished('fail("Cannot go", 1); fail("Cannot go: " +\n "go" + `${there}. Stay.`);'),
    ['"Cannot go"'],
  );
  assertEquals(unfinished("fail(`Cannot go: ${x}`); fail(`Cannot ${go} ` +\n 'there: no') "), [
    "`Cannot ${go} ` +\n 'there: no'",
  ]);
});

Deno.test("DisposedError says what was disposed of, and is a TypeError to those who catch it", () => {
  const error = new DisposedError("use the model");
  assert(error instanceof TypeError);
  assertEquals(error.name, "TypeError");
  assert(error.message.startsWith("Cannot use the model: it has been disposed of. "));
  assert(
    new DisposedError("train", "the trainer").message.includes(
      "the trainer has been disposed of. ",
    ),
  );
});
