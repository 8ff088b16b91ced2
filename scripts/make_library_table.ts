/**
 * Puts native libraries into this package, to be published with it: compresses them into `src/native_library/released/`, and
 * writes `table.ts` there. The release workflow runs this; nothing of it is committed.
 *
 *     deno run -A scripts/make_library_table.ts <folder>
 *
 * The folder has one for each system, `linux-x86_64` and so on, with what `deno task build --portable` leaves in
 * `native/build/portable`: a folder for each level. Without a folder it takes everything out again. It fails if the package
 * becomes larger than JSR takes.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { sha256 } from "../src/base/sha256.ts";
import { libraryFileName, readStamp } from "../src/native_library/build_stamp.ts";
import { describeBinary } from "../src/native_library/binary_format.ts";
import {
  COMPRESSED,
  type ReleasedLibrary,
} from "../src/native_library/released/released_library.ts";
import { packageFiles } from "./package_files.ts";

/** What a package of JSR may have in all. */
export const MAX_PACKAGE_BYTES = 20_000_000;

/**
 * By system, the levels to be published. Windows does not say of a processor that it has more than AVX-512, and each Mac with
 * a processor of Apple's has `dotprod`.
 */
export const releasedLevels: Readonly<Record<string, readonly string[]>> = {
  "linux-x86_64": ["amx", "avx512-bf16", "avx512", "avx-vnni", "avx2", "sse42"],
  "linux-aarch64": ["i8mm", "dotprod", "armv8"],
  "darwin-aarch64": ["i8mm", "dotprod"],
  "windows-x86_64": ["avx512", "avx2", "sse42"],
};

const released = fileURLToPath(new URL("../src/native_library/released", import.meta.url));

/** The text of `table.ts`. */
export function tableSource(libraries: readonly ReleasedLibrary[]): string {
  return `/**
 * The native libraries that were published with this package. A release makes this table (\`scripts/make_library_table.ts\`);
 * in the repository it is empty.
 *
 * @module
 */
import type { ReleasedLibrary } from "./released_library.ts";

export const releasedLibraries: readonly ReleasedLibrary[] = ${JSON.stringify(libraries)};
`;
}

/** Compresses a library, and says what the table has to say of it. */
export async function compress(
  path: string,
  level: string,
  system: string,
  quality = 11,
): Promise<{ entry: ReleasedLibrary; compressed: Uint8Array<ArrayBuffer> }> {
  const stamp = readStamp(path);
  const bytes = await Deno.readFile(path);
  const hash = await sha256(bytes);
  if (stamp === undefined || stamp.sha256 !== hash) {
    throw new Error(`Cannot publish ${path}: it is not the file that was built`);
  }
  const [os, arch] = system.split("-");
  const madeFor = describeBinary(bytes);
  if (madeFor !== `${os} ${arch}` || (stamp.level ?? level) !== level) {
    throw new Error(`Cannot publish ${path}: it is for ${madeFor}, ${stamp.level}`);
  }
  const { brotliCompressSync, constants } = process.getBuiltinModule("node:zlib");
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: quality,
    [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
    [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
  };
  const compressed = new Uint8Array(brotliCompressSync(bytes, { params }));
  const extension = path.slice(path.lastIndexOf("."));
  const entry = {
    ...{ os, arch, level, backend: stamp.backend },
    file: `gpt2-${system}-${level}${extension}${COMPRESSED}`,
    downloadBytes: compressed.length,
    bytes: bytes.length,
    sha256: hash,
    ggmlVersion: stamp.ggmlVersion,
  };
  return { entry, compressed };
}

async function removeReleased(): Promise<void> {
  for (const { name } of Deno.readDirSync(released)) {
    if (name.endsWith(COMPRESSED)) await Deno.remove(`${released}/${name}`);
  }
}

async function putIn(folder: string): Promise<ReleasedLibrary[]> {
  const table: ReleasedLibrary[] = [];
  for (const { name: system } of Deno.readDirSync(folder)) {
    const levels = releasedLevels[system];
    if (levels === undefined) throw new Error(`Cannot publish: no system is named ${system}`);
    const name = libraryFileName(system.split("-")[0] as typeof Deno.build.os);
    for (const level of levels) {
      const path = `${folder}/${system}/${level}/${name}`;
      const { entry, compressed } = await compress(path, level, system);
      await Deno.writeFile(`${released}/${entry.file}`, compressed);
      table.push(entry);
    }
  }
  return table;
}

async function main(folder: string | undefined): Promise<void> {
  await removeReleased();
  const table = folder === undefined ? [] : await putIn(folder);
  await Deno.writeTextFile(`${released}/table.ts`, tableSource(table));
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", `${released}/table.ts`] })
    .output();
  const files = await packageFiles();
  const total = files.reduce((sum, { url }) => sum + Deno.statSync(url).size, 0);
  const lines = table.map(({ file, bytes, downloadBytes }) =>
    `${file}: ${bytes} bytes, compressed ${downloadBytes}\n`
  );
  const text = `${lines.join("")}${table.length} libraries; the package has ${total} of at most ` +
    `${MAX_PACKAGE_BYTES} bytes\n`;
  await Deno.stdout.write(new TextEncoder().encode(text));
  if (total > MAX_PACKAGE_BYTES) Deno.exit(1);
}

if (import.meta.main) await main(Deno.args[0]);
