import { assertEquals } from "@std/assert";
import { CharacterSet, characterVocabulary } from "../../src/tokenizer/character_vocabulary.ts";

function codePointsOf(...parts: string[]): string {
  const characters = new CharacterSet();
  for (const part of parts) characters.add(part);
  characters.endText();
  return String.fromCodePoint(...characters.codePoints);
}

Deno.test("CharacterSet has each character of a text once, in the order of code points", () => {
  assertEquals(codePointsOf("cab", "bé", "文a"), "abcé文");
  // A character of two code units may be cut between them.
  assertEquals(codePointsOf("👩a"), "a👩");
  assertEquals(codePointsOf("👩"[0], "👩"[1] + "👩"[0], "👩"[1]), "👩");
});

Deno.test("CharacterSet has U+FFFD for half a character", () => {
  assertEquals(codePointsOf("a\ud83d"), "a\ufffd");
  assertEquals(codePointsOf("\ud83d", "b", "\udc69"), "b\ufffd");
});

Deno.test("characterVocabulary() puts characters of several bytes together from the left", () => {
  const codePoints = Array.from("ab日本", (character) => character.codePointAt(0)!);
  const { tokens, merges } = characterVocabulary(codePoints);
  assertEquals(tokens.slice(0, 4), ["a", "b", "æĹ¥", "æľ¬"]);
  assertEquals(new Set(tokens.slice(4)), new Set(["æ", "Ĺ", "¥", "ľ", "¬", "æĹ", "æľ"]));
  assertEquals(merges, ["æ Ĺ", "æĹ ¥", "æ ľ", "æľ ¬"]);
});
