/**
 * node-llama-cpp, the binding of llama.cpp to Node, with its prebuilt library.
 *
 * @module
 */
import { exists } from "../../src/base/files.ts";
import { run } from "./command.ts";
import { childUsage, type Program, PROMPT } from "./program.ts";

const VERSION = "3.22.1";

const script = `${import.meta.dirname}/node_llama_cpp.mjs`;

/**
 * Installs node-llama-cpp from npm, with the one prebuilt library that computes on this processor.
 *
 * @param cache where it is kept
 * @returns the folder of the package
 */
export async function installNodeLlamaCpp(
  cache: string,
  onProgress: (doing: string) => void,
): Promise<string> {
  const folder = `${cache}/node-llama-cpp-${VERSION}`;
  const installed = `${folder}/node_modules/node-llama-cpp`;
  if (exists(`${folder}/complete`)) return installed;
  onProgress("Installing node-llama-cpp");
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/package.json`, '{ "private": true }\n');
  await run("npm", [
    ...["install", "--no-audit", "--no-fund", "--ignore-scripts", "--omit=optional"],
    ...[`node-llama-cpp@${VERSION}`, `@node-llama-cpp/${platform()}@${VERSION}`],
  ], { cwd: folder });
  await Deno.writeTextFile(`${folder}/complete`, "");
  return installed;
}

function platform(): string {
  const arch = Deno.build.arch === "aarch64" ? "arm64" : "x64";
  if (Deno.build.os === "darwin") return arch === "arm64" ? "mac-arm64-metal" : "mac-x64";
  return `linux-${arch}`;
}

/**
 * node-llama-cpp as a peer.
 *
 * @param folder of the package
 */
export function nodeLlamaCpp(folder: string, threads: number): Program {
  return {
    name: "node-llama-cpp",
    decode: async ({ path }, { tokens, depth, repetitions }) => {
      if (depth > 0) throw new RangeError(`Cannot measure node-llama-cpp at depth ${depth}`);
      const task = ["decode", String(tokens), String(repetitions)];
      return Number(await run("node", [script, folder, path, String(threads), ...task]));
    },
    usage: ({ path }) =>
      childUsage("node", [script, folder, path, String(threads), "start", PROMPT]),
  };
}
