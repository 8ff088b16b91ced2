/**
 * Holds the source to its layers: imports go one way and never in a circle, and some words stay in the folders they belong
 * to.
 *
 *     deno run -A scripts/check_layers.ts
 *
 * @module
 */
import { fileURLToPath, pathToFileURL } from "node:url";
import { folderImports, importCircles } from "./import_circles.ts";

/** A file of this project. */
export interface Module {
  /** Its path from the root, with slashes: `src/model/gpt2.ts`. */
  readonly path: string;
  /** The paths of the files of this project that it imports, for their types or in full. */
  readonly imports: readonly string[];
  /** Its text. */
  readonly source: string;
}

/** From the bottom up. A layer imports from those below it; folders within one layer do not import each other. */
const LAYERS: readonly (readonly string[])[] = [
  ["deno.json", "src/base/"],
  ["src/formats/", "src/page/", "src/tokenizer/"],
  ["src/ffi/"],
  ["src/native_library/"],
  ["src/tensor/"],
  ["src/einops/"],
  ["src/model/"],
  ["src/checkpoint/", "src/engine/"],
  ["src/model_store/", "src/generation/", "src/training/", "src/inspection/", "src/evaluation/"],
  ["src/gpt2.ts", "src/ops.ts", "src/inspect.ts", "src/evaluate.ts", "src/train.ts"],
  ["src/server/"],
  ["src/serve.ts"],
  ["src/cli/"],
  ["mod.ts"],
];

/** What users import. */
const ENTRIES: readonly string[] = [
  "mod.ts",
  "src/ops.ts",
  "src/inspect.ts",
  "src/evaluate.ts",
  "src/train.ts",
  "src/serve.ts",
];

/** Words that only some folders may use outside comments. */
const WORD_RULES: readonly { words: RegExp; what: string; allowedIn: readonly string[] }[] = [
  {
    words: /\bggml_\w*/g,
    what: "a name of ggml",
    // The probe computes without src/tensor, in a process of its own.
    allowedIn: ["src/ffi/", "src/tensor/", "src/native_library/proof/probe.ts"],
  },
  {
    words: /\bconsole\b|\bDeno\.exit(Code)?\b/g,
    what: "the business of the command line",
    // The probe is a program of its own.
    allowedIn: ["src/cli/", "src/native_library/proof/probe.ts"],
  },
  {
    words:
      /\b(wte|wpe|ln_[12f]|c_attn|c_proj|c_fc|lm_head|token_embd|position_embd|output_norm|attn_norm|attn_qkv|attn_output|ffn_norm|ffn_up|ffn_down|blk\.)/g,
    what: "a name of Hugging Face or GGUF",
    // Who asks by these names is told ours: that file has nothing else.
    allowedIn: ["src/checkpoint/", "src/engine/foreign_names.ts"],
  },
];

/** What breaks the layers, one sentence each. */
export function layerViolations(modules: readonly Module[]): string[] {
  const ours = modules.filter(({ path }) => ENTRIES.includes(path) || path.startsWith("src/"));
  return [
    ...ours.flatMap((module) => [...importViolations(module), ...wordViolations(module)]),
    ...circleViolations(ours),
  ];
}

function circleViolations(modules: readonly Module[]): string[] {
  return [modules, folderImports(modules)].flatMap(importCircles).map((circle) =>
    `${[...circle, circle[0]].join(" imports ")}: move what both need into a file below them`
  );
}

function importViolations({ path, imports }: Module): string[] {
  const from = placeOf(path);
  if (from === undefined) {
    return [`${path} is in no layer: put it into one in scripts/check_layers.ts`];
  }
  return imports.flatMap((imported) => {
    const to = placeOf(imported);
    if (to === undefined) return [`${path} imports ${imported}, which is in no layer`];
    if (to.layer < from.layer || to.part === from.part) return [];
    const relation = to.layer === from.layer ? "beside" : "above";
    return [`${path} imports ${imported}, which is ${relation} it`];
  });
}

function placeOf(path: string): { layer: number; part: string } | undefined {
  for (const [layer, parts] of LAYERS.entries()) {
    const part = parts.find((part) => part.endsWith("/") ? path.startsWith(part) : path === part);
    if (part !== undefined) return { layer, part };
  }
  return undefined;
}

function wordViolations({ path, source }: Module): string[] {
  const code = withoutComments(source);
  return WORD_RULES
    .filter(({ allowedIn }) => !allowedIn.some((folder) => path.startsWith(folder)))
    .flatMap(({ words, what, allowedIn }) =>
      [...new Set(code.match(words))].map((word) =>
        `${path} has the word ${word}, ${what}, which belongs in ${allowedIn.join(" or ")}`
      )
    );
}

/** Takes out comments, and leaves what only looks like one within a text. */
export function withoutComments(source: string): string {
  return source.replace(
    /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\*.*?\*\/|\/\/[^\n]*/gs,
    (_match, text: string | undefined) => text ?? " ",
  );
}

/** What `deno info --json` says, as far as it matters here. */
interface InfoJson {
  modules: {
    specifier: string;
    error?: string;
    dependencies?: { code?: { specifier?: string }; type?: { specifier?: string } }[];
  }[];
}

/** Every TypeScript file under `src/`, and what users import, with what it imports. */
export async function readModules(root: URL): Promise<Module[]> {
  const entries = ENTRIES.map((name) => new URL(name, root));
  const files = [...entries, ...typeScriptFiles(new URL("src/", root))];
  // deno info takes one entry: a file that imports all of them.
  const folder = await Deno.makeTempDir();
  try {
    const entry = `${folder}/all.ts`;
    await Deno.writeTextFile(
      entry,
      files.map(({ href }) => `import ${JSON.stringify(href)};\n`).join(""),
    );
    const config = fileURLToPath(new URL("deno.json", root));
    const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", "--config", config, entry],
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    const entryUrl = pathToFileURL(entry).href;
    const { modules }: InfoJson = JSON.parse(new TextDecoder().decode(stdout));
    return modules
      .filter(({ specifier }) => specifier.startsWith(root.href) && specifier !== entryUrl)
      .map((module) => toModule(module, root));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function toModule(
  { specifier, error, dependencies = [] }: InfoJson["modules"][0],
  root: URL,
): Module {
  if (error !== undefined) throw new Error(`${specifier}: ${error}`);
  const imported = dependencies.flatMap(({ code, type }) => [code?.specifier, type?.specifier]);
  return {
    path: specifier.slice(root.href.length),
    imports: [...new Set(imported)].filter((url) => url?.startsWith(root.href)).map((url) =>
      url!.slice(root.href.length)
    ),
    source: Deno.readTextFileSync(new URL(specifier)),
  };
}

function* typeScriptFiles(folder: URL): Generator<URL> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* typeScriptFiles(new URL(`${name}/`, folder));
    else if (name.endsWith(".ts")) yield new URL(name, folder);
  }
}

if (import.meta.main) {
  const violations = layerViolations(await readModules(new URL("../", import.meta.url)));
  for (const violation of violations) console.error(violation);
  if (violations.length > 0) Deno.exit(1);
}
