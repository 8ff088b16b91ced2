import { assertEquals, assertMatch } from "@std/assert";
import {
  layerViolations,
  type Module,
  readModules,
  withoutComments,
} from "../../scripts/check_layers.ts";

const root = new URL("../../", import.meta.url);

function file(path: string, imports: string[] = [], source = ""): Module {
  return { path, imports, source };
}

Deno.test("the source keeps to its layers", async () => {
  const modules = await readModules(root);
  // Not an empty graph, and imports were found in it.
  const model = modules.find(({ path }) => path === "src/model/gpt2.ts");
  assertMatch(model!.imports.join(" "), /src\/einops\/einops\.ts/);
  assertEquals(layerViolations(modules), []);
});

Deno.test("layerViolations() notices a wrong import added to the real graph", async () => {
  const modules = await readModules(root);
  const doctored = modules.map((module) =>
    module.path === "src/tensor/tensor.ts"
      ? { ...module, imports: [...module.imports, "src/model/config.ts"] }
      : module
  );
  // It also closes circles, which are told beside it.
  assertEquals(layerViolations(doctored).filter((violation) => violation.includes("above it")), [
    "src/tensor/tensor.ts imports src/model/config.ts, which is above it",
  ]);
});

Deno.test("layerViolations() notices a circle added to the real graph", async () => {
  const modules = await readModules(root);
  const doctored = modules.map((module) =>
    module.path === "src/tensor/shape.ts"
      ? { ...module, imports: [...module.imports, "src/tensor/tensor.ts"] }
      : module
  );
  const circle = "src/tensor/shape.ts imports src/tensor/tensor.ts imports src/tensor/shape.ts: " +
    "move what both need into a file below them";
  const told = layerViolations(doctored).filter((violation) => violation === circle);
  assertEquals(told.length, 1);
});

Deno.test("layerViolations() refuses folders in a circle, though no files are", () => {
  const modules = [
    file("src/checkpoint/gguf/a.ts", ["src/checkpoint/hugging_face/a.ts"]),
    file("src/checkpoint/hugging_face/a.ts"),
    file("src/checkpoint/hugging_face/b.ts", ["src/checkpoint/gguf/b.ts"]),
    file("src/checkpoint/gguf/b.ts"),
  ];
  assertEquals(layerViolations(modules), [
    "src/checkpoint/gguf/ imports src/checkpoint/hugging_face/ imports src/checkpoint/gguf/: " +
    "move what both need into a file below them",
  ]);
});

const ALLOWED: readonly Module[] = [
  file("mod.ts", ["src/gpt2.ts", "src/cli/main.ts", "src/model/config.ts"]),
  file("src/cli/main.ts", ["src/gpt2.ts", "src/cli/help.ts", "src/formats/gguf.ts", "deno.json"]),
  file("src/model/gpt2.ts", ["src/einops/einops.ts", "src/tensor/tensor.ts"]),
  file("src/checkpoint/load.ts", ["src/model/model.ts", "src/formats/gguf.ts", "src/ffi/ggml.ts"]),
  file("src/tokenizer/tokenizer.ts", ["src/base/errors.ts"]),
  file("src/tensor/ops.ts", [], "ggml.ggml_add(context, a, b)"),
  file("src/model/gpt2.ts", [], "// as ggml_norm does\nconst a = 1; /* console.log(a) */"),
  file("tests/model/gpt2_test.ts", ["src/cli/main.ts"], "console.log(ggml_add)"),
];

for (const module of ALLOWED) {
  Deno.test(`layerViolations() lets ${module.path} ${module.source || module.imports} be`, () => {
    assertEquals(layerViolations([module]), []);
  });
}

const FORBIDDEN: readonly (readonly [module: Module, message: RegExp])[] = [
  [file("src/ffi/ggml.ts", ["src/tensor/tensor.ts"]), /which is above it/],
  [file("src/tensor/ops.ts", ["src/einops/plan.ts"]), /which is above it/],
  [file("src/model/gpt2.ts", ["src/checkpoint/load.ts"]), /which is above it/],
  [file("src/checkpoint/load.ts", ["src/engine/engine.ts"]), /which is beside it/],
  [file("src/generation/generate.ts", ["src/model_store/resolve_model.ts"]), /which is beside it/],
  [file("src/generation/generate.ts", ["src/gpt2.ts"]), /which is above it/],
  [file("src/server/handler.ts", ["src/serve.ts"]), /which is above it/],
  [file("src/serve.ts", ["src/cli/main.ts"]), /which is above it/],
  [file("src/cli/main.ts", ["mod.ts"]), /which is above it/],
  [file("src/formats/gguf.ts", ["src/tokenizer/tokenizer.ts"]), /which is beside it/],
  [file("src/formats/gguf.ts", ["src/tensor/shape.ts"]), /which is above it/],
  [file("src/base/errors.ts", ["src/formats/gguf.ts"]), /which is above it/],
  [file("src/cli/main.ts", ["tests/cli/run_cli.ts"]), /which is in no layer/],
  [file("src/cli/main.ts", ["scripts/build.ts"]), /which is in no layer/],
  [file("src/new/thing.ts"), /src\/new\/thing\.ts is in no layer/],
  [file("src/thing.ts"), /is in no layer/],
  [file("src/model/gpt2.ts", [], "return ggml_norm(x)"), /the word ggml_norm, a name of ggml/],
  [
    file("src/model/gpt2.ts", [], "console.log(x)"),
    /the word console, the business of the command/,
  ],
  [file("src/model/gpt2.ts", [], "Deno.exit(1)"), /the word Deno\.exit/],
  [file("src/model/gpt2.ts", [], 'load("h.0.attn.c_attn.weight")'), /the word c_attn/],
  [file("src/formats/gguf.ts", [], 'x = "token_embd.weight"'), /the word token_embd/],
  [file("src/model/gpt2.ts", [], "const url = `http://x`; console.log()"), /the word console/],
];

for (const [module, message] of FORBIDDEN) {
  const { path, imports, source } = module;
  Deno.test(`layerViolations() refuses ${path} ${source || imports}`, () => {
    const violations = layerViolations([module]);
    assertEquals(violations.length, 1);
    assertMatch(violations[0], message);
  });
}

Deno.test("withoutComments() leaves texts alone", () => {
  assertEquals(withoutComments("a // b\nc /* d\n */ e"), "a  \nc   e");
  for (const text of [`"a // b"`, `'/* a'`, "`//${a}`", `"\\" // a"`]) {
    assertEquals(withoutComments(text), text);
  }
});
