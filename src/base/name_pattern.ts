/**
 * Names in which `*` stands for any characters.
 *
 * @module
 */

/**
 * Whether names are meant by a pattern.
 *
 * @param pattern a name in which `*` stands for any characters, or none: `blocks.*.residual`
 */
export function namePattern(pattern: string): (name: string) => boolean {
  const parts = pattern.split("*");
  if (parts.length === 1) return (name) => name === pattern;
  const [first, last] = [parts[0], parts[parts.length - 1]];
  return (name) => {
    const end = name.length - last.length;
    if (end < first.length || !name.startsWith(first) || !name.endsWith(last)) return false;
    // Where the next part comes first is as good a place as any.
    let at = first.length;
    for (const part of parts.slice(1, -1)) {
      const found = name.indexOf(part, at);
      if (found < 0 || found + part.length > end) return false;
      at = found + part.length;
    }
    return true;
  };
}
