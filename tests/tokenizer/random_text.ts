/**
 * Random texts that are the same in every run.
 *
 * @module
 */

/** Characters that pre-tokenization or byte merging may trip over. */
const PICKS = [
  ..."aeinorst etaoin THE 0123456789 '''.,!?-_#/\\<|>\t\n\r\v\f\0",
  ..."'s|'t|'re|'ve|'m|'ll|'d|'S|'RE|<|endoftext|>|  |   |\n\n|\r\n".split("|"),
  ..."\u0085\u00a0\u00ad\u1680\u180e\u2000\u200b\u200d\u2028\u2029\u202e\u202f",
  ..."\u205f\u2060\u3000\ufeff",
  ..."\u001c\u001d\u001e\u001f\u007f\u0300\u0301\u20dd\ufe0f\u{1f3fd}\u{e0067}",
  ..."äßçñøŁœĠĊ²½Ⅷ٣४五〇𝟘文字かなカナ한글अआकि्ภาษาไทยעבריתالعربية😀👩🏽🚀𝒜𐍈𠀀",
  "\ud800",
  "\udfff",
];

/** A generator of numbers in [0, 1): mulberry32. */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * A text of up to 40 characters: of ASCII, of any code points (halves of pairs among them), or of
 * the troublesome.
 */
export function randomText(random: () => number): string {
  const numChars = Math.floor(random() * 41);
  const kind = random();
  return Array.from({ length: numChars }, () => {
    if (kind < 0.2) return String.fromCharCode(random() * 0x80);
    if (kind < 0.4) return String.fromCodePoint(Math.floor(random() * 0x110000));
    if (kind < 0.6) return String.fromCharCode(random() * 0x10000);
    return PICKS[Math.floor(random() * PICKS.length)];
  }).join("");
}
