/**
 * Tests of commands that ask the hub.
 *
 * @module
 */
import { TemporaryFolder } from "../checkpoint/folders.ts";
import { checkpointFiles, FakeHub, PLAIN } from "../model_store/hub/fake_hub.ts";

/** What the tests themselves may be run with. */
const VARIABLES = [
  "HF_ENDPOINT",
  "HF_HOME",
  "XDG_CACHE_HOME",
  "HF_HUB_CACHE",
  "HUGGINGFACE_HUB_CACHE",
  "HF_TOKEN",
  "HUGGING_FACE_HUB_TOKEN",
  "TRANSFORMERS_OFFLINE",
  "HF_HUB_OFFLINE",
  "HF_HUB_DISABLE_PROGRESS_BARS",
  "GPT2_MODEL",
];

/** A test that runs with a hub of its own, which has gpt2, and empty caches, all named by the environment. */
export function testWithHub(
  name: string,
  body: (folder: TemporaryFolder, hub: FakeHub) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore: Deno.build.os !== "linux", // Elsewhere no variable says where converted models are.
    fn: async () => {
      using folder = new TemporaryFolder();
      await using hub = new FakeHub();
      hub.add("openai-community/gpt2", checkpointFiles(PLAIN));
      const before = VARIABLES.map((name) => [name, Deno.env.get(name)] as const);
      for (const name of VARIABLES) Deno.env.delete(name);
      Deno.env.set("HF_ENDPOINT", hub.endpoint);
      Deno.env.set("HF_HOME", folder.file("hf"));
      Deno.env.set("XDG_CACHE_HOME", folder.path);
      try {
        await body(folder, hub);
      } finally {
        for (const [name, value] of before) {
          if (value === undefined) Deno.env.delete(name);
          else Deno.env.set(name, value);
        }
      }
    },
  });
}
