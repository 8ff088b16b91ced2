/**
 * A text that a person and a model have written: which part is whose, and what its tokens are.
 *
 * @module
 */

/** JavaScript, which needs no browser. */
export const TEXT_SCRIPT = String.raw`
// A text is an array of parts. What a person has typed is a string. What the model has written are tokens:
// { id, bytes, piece, isOpen, probability, candidates: [{ id, text, probability }] }. A character belongs to the token that completes
// it; before that, tokens are open, and their piece is empty.

const isToken = (part) => typeof part !== "string";
const pieceOf = (part) => isToken(part) ? part.piece : part;
const textOf = (parts) => parts.map(pieceOf).join("");

/** How tokens that are not whole characters are named by the server. */
const BYTES_NAME = /^bytes:((?:\\x[0-9a-f]{2})+)$/;

function bytesOf(name) {
  const [, escapes] = BYTES_NAME.exec(name) || [];
  if (escapes === undefined) return [...new TextEncoder().encode(name)];
  return escapes.split("\\x").slice(1).map((digits) => parseInt(digits, 16));
}

/** How many bytes at the end begin a character without ending it. */
function numOpenBytes(bytes) {
  for (let n = 1; n <= Math.min(3, bytes.length); n++) {
    const byte = bytes[bytes.length - n];
    if (byte >= 0xc0) return (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > n ? n : 0;
    if (byte < 0x80) return 0;
  }
  return 0;
}

/** The parts with a token after them. */
function withToken(parts, { id, name, probability, candidates }) {
  const before = [];
  for (let i = parts.length - 1; i >= 0 && isToken(parts[i]) && parts[i].isOpen; i--) {
    before.unshift(...parts[i].bytes);
  }
  const bytes = bytesOf(name);
  // Of open tokens before this one, only what their own pieces do not have yet.
  const all = [...before.slice(before.length - numOpenBytes(before)), ...bytes];
  const numOpen = numOpenBytes(all);
  const piece = new TextDecoder("utf-8", { ignoreBOM: true })
    .decode(new Uint8Array(all.slice(0, all.length - numOpen)));
  return [...parts, { id, bytes, piece, isOpen: numOpen > 0, probability, candidates }];
}

/** Parts without empty strings, and none beside another. */
function joined(parts) {
  const result = [];
  for (const part of parts) {
    if (part === "") continue;
    if (!isToken(part) && result.length > 0 && !isToken(result.at(-1))) result.push(result.pop() + part);
    else result.push(part);
  }
  return result;
}

/** The parts with another text from start to end. What follows was written after something else: it is typed text from then on. */
function edited(parts, start, end, inserted) {
  const before = [];
  let after = "";
  let offset = 0;
  for (const part of parts) {
    const piece = pieceOf(part);
    const next = offset + piece.length;
    if (isToken(part) && next <= start && (piece !== "" || after === "")) before.push(part);
    else {
      before.push(piece.slice(0, Math.max(0, start - offset)));
      after += piece.slice(Math.max(0, end - offset));
    }
    offset = next;
  }
  // Half a character is nothing that can be followed by typed text.
  let last = before.pop();
  while (last === "" || last !== undefined && last.isOpen && last.piece === "") last = before.pop();
  if (last !== undefined) before.push(last.isOpen ? last.piece : last);
  return joined([...before, inserted + after]);
}

/** Where two texts differ: from start to end in the old one, and what is there in the new one. */
function difference(before, after) {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let same = 0;
  while (
    same < Math.min(before.length, after.length) - start &&
    before[before.length - 1 - same] === after[after.length - 1 - same]
  ) same++;
  return { start, end: before.length - same, inserted: after.slice(start, after.length - same) };
}

/** The first characters of the parts; a token of which only some are among them becomes typed text. */
function cut(parts, length) {
  return edited(parts, length, textOf(parts).length, "");
}

/** Which of the candidates of a token it is itself, counted from 1; undefined if it is none of the likeliest. */
function rankOf({ probability, candidates }) {
  const numLikelier = candidates.filter((each) => each.probability > probability).length;
  return numLikelier < candidates.length ? numLikelier + 1 : undefined;
}
`;
