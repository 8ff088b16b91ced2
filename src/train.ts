/**
 * Training: tokenizers from texts, texts to tokens, and models from these.
 *
 * @module
 */
export { type TokenizerTrainingOptions, trainTokenizer } from "./tokenizer/train_tokenizer.ts";
export { saveTokenizer } from "./checkpoint/hugging_face/save_tokenizer.ts";
export { Tokenizer } from "./tokenizer/tokenizer.ts";
