/**
 * A large checkpoint that takes hardly any space, so that converting it can be interrupted.
 *
 * @module
 */
const CONFIG = {
  model_type: "gpt2",
  vocab_size: 288,
  n_positions: 16,
  n_embd: 1024,
  n_head: 16,
  n_layer: 4,
};

/** A folder with a model of 50 million parameters, all of them 0: holes in a file. */
export async function writeSparseCheckpoint(folder: string): Promise<void> {
  await Deno.mkdir(folder);
  await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(CONFIG));
  const model = new URL("../fixtures/reference/hf_folder/", import.meta.url);
  await Deno.copyFile(new URL("tokenizer.json", model), `${folder}/tokenizer.json`);

  const header: Record<string, unknown> = {};
  let offset = 0;
  for (const [name, shape] of tensors()) {
    const end = offset + 4 * shape.reduce((product, size) => product * size, 1);
    header[name] = { dtype: "F32", shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const size = new Uint8Array(8);
  new DataView(size.buffer).setBigUint64(0, BigInt(json.length), true);
  const path = `${folder}/model.safetensors`;
  await Deno.writeFile(path, new Uint8Array([...size, ...json]));
  await Deno.truncate(path, size.length + json.length + offset);
}

function* tensors(): Generator<[name: string, shape: number[]]> {
  const { vocab_size, n_positions, n_embd, n_layer } = CONFIG;
  yield ["wte.weight", [vocab_size, n_embd]];
  yield ["wpe.weight", [n_positions, n_embd]];
  for (let layer = 0; layer < n_layer; layer++) {
    for (
      const [name, numIn, numOut] of [["attn.c_attn", 1, 3], ["attn.c_proj", 1, 1], [
        "mlp.c_fc",
        1,
        4,
      ], ["mlp.c_proj", 4, 1]] as const
    ) {
      yield [`h.${layer}.${name}.weight`, [numIn * n_embd, numOut * n_embd]];
      yield [`h.${layer}.${name}.bias`, [numOut * n_embd]];
    }
    for (const name of ["ln_1", "ln_2"]) {
      for (const part of ["weight", "bias"]) yield [`h.${layer}.${name}.${part}`, [n_embd]];
    }
  }
  for (const part of ["weight", "bias"]) yield [`ln_f.${part}`, [n_embd]];
}
