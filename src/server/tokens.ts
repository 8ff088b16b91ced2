/**
 * `POST /tokenize`, `POST /detokenize` and `GET /tokenizer_info`, as evaluation harnesses ask for them.
 *
 * @module
 */
import { Turns } from "../base/event_loop.ts";
import { fieldError } from "./api_error.ts";
import { checkModelName } from "./adapters.ts";
import { checkFields, checkTokenIds, flagField, textField, tokensField } from "./fields.ts";
import { otherTokenizeFields } from "./completions/other_fields.ts";
import { readExchangeBody } from "./read_body.ts";
import type { Exchange } from "./service.ts";

const TOKENS_PER_PART = 16_384;

/**
 * The tokens of a text. The names of special tokens in it are these tokens, as in Hugging Face's tokenizers and vLLM: harnesses
 * ask so which one ends a text.
 */
export async function tokenize(exchange: Exchange): Promise<Response> {
  const { service, signal } = exchange;
  const { model } = service;
  const fields = checkFields(await readExchangeBody(exchange), {
    prompt: textField,
    model: textField,
    add_special_tokens: flagField,
    ...otherTokenizeFields,
  });
  checkModelName(fields.model, service);
  if (fields.prompt === undefined) throw fieldError("prompt", "prompt is missing.");
  const tokenizer = model.tokenizer!;
  const { beginOfTextId } = tokenizer;
  const isBegun = (fields.add_special_tokens ?? true) && beginOfTextId !== undefined;
  // As JSON, part by part: millions of tokens take a tenth of a second to be written at once.
  const parts: string[] = isBegun ? [String(beginOfTextId)] : [];
  let count = parts.length;
  const turns = new Turns();
  for (const ids of tokenizer.encodeInParts(fields.prompt, { allowSpecial: "all" })) {
    if (ids.length > 0) parts.push(ids.join(","));
    count += ids.length;
    await turns.take();
    signal.throwIfAborted();
  }
  const rest = JSON.stringify({ count, max_model_len: model.config.contextLength }).slice(1);
  return new Response(`{"tokens":[${parts.join(",")}],${rest}`, {
    headers: { "content-type": "application/json" },
  });
}

/** The text of tokens. */
export async function detokenize(exchange: Exchange): Promise<Response> {
  const { service, signal } = exchange;
  const tokenizer = service.model.tokenizer!;
  const fields = checkFields(await readExchangeBody(exchange), {
    tokens: tokensField,
    model: textField,
  });
  checkModelName(fields.model, service);
  if (fields.tokens === undefined) throw fieldError("tokens", "tokens is missing.");
  checkTokenIds("tokens", fields.tokens, tokenizer.vocabSize);
  // In parts, between which others have their turn; a character may be in two of them.
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  let prompt = "";
  const turns = new Turns();
  for (let start = 0; start < fields.tokens.length; start += TOKENS_PER_PART) {
    const ids = fields.tokens.slice(start, start + TOKENS_PER_PART);
    prompt += utf8.decode(tokenizer.decodeBytes(ids), { stream: true });
    await turns.take();
    signal.throwIfAborted();
  }
  return Response.json({ prompt: prompt + utf8.decode() });
}

/** What there is to know about the tokenizer. */
export function tokenizerInfo({ service: { model } }: Exchange): Response {
  const tokenizer = model.tokenizer!;
  const textOf = (id: number | undefined) => id === undefined ? null : tokenizer.decode([id]);
  const { beginOfTextId, endOfTextId, unknownId } = tokenizer;
  return Response.json({
    tokenizer_class: "GPT2Tokenizer",
    vocab_size: tokenizer.vocabSize,
    model_max_length: model.config.contextLength,
    // Texts that nothing precedes are read after this one, as Hugging Face's GPT-2 has it.
    bos_token: textOf(beginOfTextId ?? endOfTextId),
    eos_token: textOf(endOfTextId),
    eos_token_id: endOfTextId ?? null,
    unk_token: textOf(unknownId ?? endOfTextId),
    pad_token: null,
    add_bos_token: beginOfTextId !== undefined,
    chat_template: null,
  });
}
