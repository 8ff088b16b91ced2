import { assertEquals } from "@std/assert";
import { textPlaces } from "../../src/evaluation/text_places.ts";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";

const tokenizer = await Tokenizer.gpt2();

Deno.test("textPlaces() tells where each token begins in the text, also within characters", () => {
  for (const text of ["", "To be, or not", "nöt 🙂 日本語 à", "🇩🇪👩‍👩‍👧x", "\r\n\t e\u0301"]) {
    const ids = tokenizer.encode(text);
    const places = textPlaces(tokenizer, ids);
    const bytes = new TextEncoder().encode(text);
    let byteOffset = 0;
    for (const [i, place] of places.entries()) {
      const own = tokenizer.tokenBytes(ids[i]);
      assertEquals([place.byteOffset, place.numBytes], [byteOffset, own.length]);
      // The longest beginning of the text that does not end within a character.
      let whole = byteOffset;
      while ((bytes[whole] & 0xc0) === 0x80) whole--;
      const before = new TextDecoder().decode(bytes.subarray(0, whole));
      assertEquals(place.offset, before.length, `${JSON.stringify(text)}, token ${i}`);
      if (!place.text.includes("\uFFFD")) {
        assertEquals(text.slice(place.offset, place.offset + place.text.length), place.text);
      }
      byteOffset += own.length;
    }
    assertEquals(byteOffset, bytes.length);
  }
});

Deno.test("textPlaces() leaves out the spaces that a tokenizer puts into a text", () => {
  const { tokens, tokenTypes, merges } = tokenizer;
  const prefixing = new Tokenizer({ tokens, tokenTypes, merges, addPrefixSpace: true });
  const texts = [
    "",
    "To be, or not",
    " To be",
    "\nTo be",
    "A.<|endoftext|>B. C<|endoftext|> D<|endoftext|>",
    "é日本語🙂 x",
    "日",
  ];
  for (const text of texts) {
    const ids = prefixing.encode(text, { allowSpecial: "all" });
    const places = textPlaces(prefixing, ids, text);
    const bytes = new TextEncoder().encode(text);
    assertEquals(places.reduce((sum, { numBytes }) => sum + numBytes, 0), bytes.length, text);
    for (const place of places) {
      const { offset, byteOffset, numBytes, hex } = place;
      const own = bytes.subarray(byteOffset, byteOffset + numBytes);
      if (hex !== undefined) assertEquals(hex, own.toHex());
      else assertEquals([place.text, text.startsWith(place.text, offset)], [decode(own), true]);
    }
  }
  // Of tokens, all bytes count: nobody knows which of them were in a text.
  const [first] = textPlaces(prefixing, prefixing.encode("To be"));
  assertEquals([first.text, first.numBytes], [" To", 3]);
});

const decode = (bytes: Uint8Array<ArrayBuffer>) => new TextDecoder().decode(bytes);

Deno.test("textPlaces() knows no text of ids that the tokenizer does not have", () => {
  const nowhere = { text: "", offset: 1, byteOffset: 1, numBytes: 0 };
  const [a, padded] = textPlaces(tokenizer, [64, 50300]);
  assertEquals([a.text, padded], ["a", nowhere]);
  const [none] = textPlaces(undefined, [5]);
  assertEquals(none, { text: "", offset: NaN, byteOffset: NaN, numBytes: NaN });
});

Deno.test("textPlaces() gives the bytes of tokens that are parts of characters", () => {
  const ids = tokenizer.encode("a\u{1f642}");
  const hexes = textPlaces(tokenizer, ids).map(({ hex }) => hex);
  assertEquals(hexes, [undefined, ...ids.slice(1).map((id) => tokenizer.tokenBytes(id).toHex())]);
  assertEquals(hexes.slice(1).join(""), "f09f9982");
});
