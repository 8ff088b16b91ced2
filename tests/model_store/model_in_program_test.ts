import { assertEquals } from "@std/assert";
import { modelInProgram } from "../../src/model_store/model_in_program.ts";

Deno.test("modelInProgram() finds the model of a program under the name of its file", () => {
  const folder = Deno.makeTempDirSync({ prefix: "gpt2-embedded-" });
  try {
    assertEquals(modelInProgram(folder), undefined);
    Deno.mkdirSync(`${folder}/model`);
    assertEquals(modelInProgram(folder), undefined);
    Deno.writeTextFileSync(`${folder}/model/my.small-q8_0.gguf`, "");
    assertEquals(modelInProgram(folder), {
      name: "my.small-q8_0",
      path: `${folder}/model/my.small-q8_0.gguf`,
    });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("modelInProgram() finds nothing where Deno runs the modules", () => {
  assertEquals(modelInProgram(), undefined);
});
