/** A safetensors file with this header and so many zeros after it. */
export function safetensorsBytes(
  header: string | Uint8Array,
  numDataBytes: number,
): Uint8Array<ArrayBuffer> {
  const text = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.length + numDataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

/** The description of a tensor in a header. */
export function entry(
  name: string,
  dtype: string,
  shape: string,
  begin: number | string,
  end: number | string,
): string {
  return `${
    JSON.stringify(name)
  }:{"dtype":"${dtype}","shape":${shape},"data_offsets":[${begin},${end}]}`;
}
