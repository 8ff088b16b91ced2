import { assertEquals } from "@std/assert";
import { embeddedModel } from "../../src/model_store/embedded_model.ts";

Deno.test("embeddedModel() finds the model of a program under the name of its file", () => {
  const folder = Deno.makeTempDirSync({ prefix: "gpt2-embedded-" });
  try {
    assertEquals(embeddedModel(folder), undefined);
    Deno.mkdirSync(`${folder}/model`);
    assertEquals(embeddedModel(folder), undefined);
    Deno.writeTextFileSync(`${folder}/model/my.small-q8_0.gguf`, "");
    assertEquals(embeddedModel(folder), {
      name: "my.small-q8_0",
      path: `${folder}/model/my.small-q8_0.gguf`,
    });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("embeddedModel() finds nothing where Deno runs the modules", () => {
  assertEquals(embeddedModel(), undefined);
});
