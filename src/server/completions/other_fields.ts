/**
 * Fields of requests that vLLM has beyond OpenAI's and that say nothing new here: its clients send them, most often with the
 * values that say what is done anyway. Those values are taken, and others refused by name. What vLLM has and something
 * comes of is in request.ts and constraint_fields.ts, by the same names.
 *
 * @module
 */
import { exactField, flagField, ignoredField, textField, unsupportedField } from "../fields.ts";

/** Those of a completion. */
export const otherFields = {
  // Without difference.
  guided_decoding_backend: textField,
  spaces_between_special_tokens: flagField,
  // What is done anyway.
  skip_special_tokens: exactField(true),
  include_stop_str_in_output: exactField(false),
  return_tokens_as_token_ids: exactField(false),
  guided_whitespace_pattern: exactField(""),
  use_beam_search: exactField(false),
  length_penalty: exactField(1),
  early_stopping: exactField(false),
  priority: exactField(0),
  stop_token_ids: exactField([]),
  logits_processors: exactField([]),
  // What there is not.
  cache_salt: unsupportedField,
  guided_grammar: unsupportedField,
  kv_transfer_params: unsupportedField,
  prompt_embeds: unsupportedField,
  prompt_logprobs: unsupportedField,
  request_id: unsupportedField,
  structural_tag: unsupportedField,
  truncate_prompt_tokens: unsupportedField,
  vllm_xargs: unsupportedField,
};

/** Those of `structured_outputs`. */
export const otherStructuredOutputs = {
  // Documents have no white space, and there is one way to keep to a constraint.
  disable_any_whitespace: flagField,
  disable_fallback: flagField,
  disable_additional_properties: exactField(false),
  whitespace_pattern: exactField(""),
  grammar: unsupportedField,
  structural_tag: unsupportedField,
};

/** Those of `stream_options`. */
export const otherStreamOptions = {
  continuous_usage_stats: exactField(false),
  // What is obfuscated is the length of chunks, against those who see only that; it is not done here.
  include_obfuscation: ignoredField,
};

/** Those of `POST /tokenize`. */
export const otherTokenizeFields = { return_token_strs: exactField(false) };
