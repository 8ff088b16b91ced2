/**
 * For which system and processor a shared library is made, told from its first bytes. (Opening one made for another
 * processor fails with "no such file" on Linux.)
 *
 * @module
 */

const ELF = 0x7f454c46;
const MACH_O = 0xcffaedfe;
const PORTABLE_EXECUTABLE = 0x50450000;

/** The system and processor in the form of `Deno.build`, such as `linux x86_64`; undefined if it is no library at all. */
export function describeBinary(bytes: Uint8Array): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength < 64) return undefined;
  if (view.getUint32(0) === ELF) {
    return `linux ${nameProcessor(view.getUint16(18, true), { 0x3e: "x86_64", 0xb7: "aarch64" })}`;
  }
  if (view.getUint32(0) === MACH_O) {
    const processors = { 0x1000007: "x86_64", 0x100000c: "aarch64" };
    return `darwin ${nameProcessor(view.getUint32(4, true), processors)}`;
  }
  const header = view.getUint32(60, true);
  if (header + 6 <= view.byteLength && view.getUint32(header) === PORTABLE_EXECUTABLE) {
    const processors = { 0x8664: "x86_64", 0xaa64: "aarch64" };
    return `windows ${nameProcessor(view.getUint16(header + 4, true), processors)}`;
  }
}

function nameProcessor(code: number, names: Record<number, string>): string {
  return names[code] ?? `processor ${code}`;
}
