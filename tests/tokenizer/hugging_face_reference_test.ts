/** What Hugging Face's tokenizers make of texts on which implementations differ: `scripts/make_tokenizer_reference.py`. */
import { assertEquals } from "@std/assert";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { referencePath } from "../model/reference.ts";

interface AddedCase {
  tokens: { id: number; content: string; special: boolean }[];
  texts: [text: string, ids: number[]][];
}

const reference: { spaces: [text: string, ids: number[]][]; added: AddedCase[] } = JSON.parse(
  Deno.readTextFileSync(new URL("../fixtures/tokenizer/huggingface.json", import.meta.url)),
);

Deno.test("Tokenizer.gpt2() cuts texts at white space as Hugging Face's does", async () => {
  const tokenizer = await Tokenizer.gpt2();
  for (const [text, ids] of reference.spaces) {
    assertEquals(tokenizer.encode(text), ids, JSON.stringify(text));
  }
});

Deno.test("encode() finds added tokens as Hugging Face's tokenizers do", () => {
  const vocabJson = Deno.readTextFileSync(referencePath("hf_folder/vocab.json"));
  const mergesText = Deno.readTextFileSync(referencePath("hf_folder/merges.txt"));
  for (const { tokens, texts } of reference.added) {
    const added_tokens_decoder = Object.fromEntries(tokens.map(({ id, ...rest }) => [id, rest]));
    const tokenizerConfigJson = JSON.stringify({ added_tokens_decoder });
    const tokenizer = Tokenizer.fromFiles({ vocabJson, mergesText, tokenizerConfigJson });
    for (const [text, ids] of texts) {
      const actual = tokenizer.encode(text, { allowSpecial: "all" });
      assertEquals(actual, ids, JSON.stringify({ text, tokens }));
    }
  }
});
