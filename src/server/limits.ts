/**
 * How much a request may ask for. docs/server.md says why.
 *
 * @module
 */

/** The most bytes of a body. */
export const MAX_BODY_BYTES = 4 * 1024 * 1024;
/** The most objects, arrays and names in a body, more than what may be asked for can have; and how deep they may be nested. */
export const MAX_BODY_PARTS = 32_768;
export const MAX_BODY_DEPTH = 256;
/** How long a body may take to arrive, and how long nothing may come of it. */
export const BODY_TIMEOUT_MS = 30_000;
export const BODY_IDLE_MS = 10_000;
/** How long it may take where there is no place for another request. */
export const BODY_GRACE_MS = 1000;
/** The most prompts of a request, and continuations of a prompt that are scored. */
export const MAX_PROMPTS = 256;
/** The most stop texts, choices and so on, and the most characters of each. */
export const MAX_STOPS = 16;
export const MAX_STOP_CHARACTERS = 256;
export const MAX_CHOICES = 1024;
export const MAX_CHOICE_CHARACTERS = 4096;
/** The most words that are not to be written. */
export const MAX_BAD_WORDS = 256;
/** The most characters of a regular expression, and of a JSON Schema or all choices together as JSON. */
export const MAX_PATTERN_CHARACTERS = 4096;
export const MAX_SCHEMA_CHARACTERS = 65_536;
/** The most tokens whose logits can be biased, and that are named beside each chosen one. */
export const MAX_BIASES = 1024;
export const MAX_LOG_PROBABILITIES = 20;
/** The most requests whose bodies are being received, or answers written, beyond those that run or wait. */
export const MAX_OTHER_REQUESTS = 256;
/** GPT-2's longest token has 128 bytes: what has more characters for each position cannot fit into the context. */
export const MAX_TOKEN_CHARACTERS = 128;
