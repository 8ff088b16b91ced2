/**
 * Links that somebody has put into the caches: nothing is written to where they lead.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { StorageError } from "../../../src/base/errors.ts";
import { demoModelPath } from "../../../src/model_store/demo_model.ts";
import { resolveHubModel } from "../../../src/model_store/hub_models.ts";
import { parseHubModel } from "../../../src/model_store/hub/model_names.ts";
import { TemporaryFolder } from "../../checkpoint/folders.ts";
import { checkpointFiles, COMMIT, FakeHub, PLAIN, sha256 } from "./fake_hub.ts";

const MODEL = parseHubModel("gpt2")!;
const ETAG = sha256(Deno.readFileSync(new URL("model.safetensors", PLAIN)));
const DOWNLOAD = "hub/models--openai-community--gpt2";
const LOCKS = "hub/.locks/models--openai-community--gpt2";
const CONVERTED = "allformers/models/openai-community--gpt2";
const OLD = "as it was";

class Setup implements AsyncDisposable {
  readonly hub = new FakeHub();
  readonly folder = new TemporaryFolder();

  constructor() {
    this.hub.add("openai-community/gpt2", checkpointFiles(PLAIN));
    Deno.mkdirSync(this.folder.file("outside"));
    Deno.writeTextFileSync(this.folder.file("outside/file"), OLD);
  }

  resolve(): Promise<string> {
    return resolveHubModel(MODEL, {
      hub: this.hub.settings(this.folder.file("hub")),
      convertedFolder: this.folder.file("allformers/models"),
    });
  }

  /** Puts a link, or another name of the file, into a cache. */
  plant(
    path: string,
    target: string,
    link: (from: string, to: string) => void = Deno.symlinkSync,
  ): void {
    const at = this.folder.file(path);
    Deno.mkdirSync(at.replace(/[^/]*$/, ""), { recursive: true });
    link(this.folder.file(target), at);
  }

  assertOutsideIsAsItWas(): void {
    const names = Array.from(Deno.readDirSync(this.folder.file("outside")), ({ name }) => name);
    assertEquals(names, ["file"]);
    assertEquals(Deno.readTextFileSync(this.folder.file("outside/file")), OLD);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }
}

function test(name: string, body: (setup: Setup) => Promise<void>): void {
  Deno.test({
    name,
    ignore: Deno.build.os === "windows", // Not everyone may make links there.
    fn: async () => {
      await using setup = new Setup();
      await body(setup);
      setup.assertOutsideIsAsItWas();
    },
  });
}

/** What takes the place of a link, and the model is there in the end. */
const REPLACED = [
  `${DOWNLOAD}/blobs/${ETAG}.01234567.incomplete`,
  `${DOWNLOAD}/blobs/${ETAG}.incomplete`,
  `${DOWNLOAD}/refs/main`,
  `${CONVERTED}/refs/main`,
];

for (const path of REPLACED) {
  for (const target of ["outside/file", "outside/nothing"]) {
    test(`a link at ${path} to ${target} is replaced`, async (setup) => {
      setup.plant(path, target);
      assert(Deno.statSync(await setup.resolve()).isFile);
    });
  }
  test(`another name of a file at ${path} is replaced`, async (setup) => {
    setup.plant(path, "outside/file", Deno.linkSync);
    assert(Deno.statSync(await setup.resolve()).isFile);
  });
}

for (
  const path of [
    `${DOWNLOAD}/snapshots/${COMMIT}/model.safetensors`,
    `${CONVERTED}/${COMMIT}/gpt2-Q8_0.gguf`,
    `${DOWNLOAD}/blobs/${ETAG}`,
  ]
) {
  test(`a link at ${path} to nothing is replaced`, async (setup) => {
    setup.plant(path, "outside/nothing");
    assert(Deno.statSync(await setup.resolve()).isFile);
  });
}

/** What is refused. */
const REFUSED: readonly (readonly [path: string, target: string, message: string])[] = [
  ...[
    `${LOCKS}/${ETAG}.lock`,
    `${LOCKS}/allformers.lock`,
    `${CONVERTED}/${COMMIT}/gpt2-Q8_0.gguf.lock`,
  ]
    .flatMap((path) =>
      ["outside/file", "outside/nothing"].map((target) =>
        [path, target, "received a link"] as const
      )
    ),
  ...[
    LOCKS,
    "hub/.locks",
    `${DOWNLOAD}/refs`,
    "allformers/models",
    CONVERTED,
    `${CONVERTED}/${COMMIT}`,
    `${CONVERTED}/refs`,
  ]
    .map((path) => [path, "outside", "a link in it leads out of the cache"] as const),
];

for (const [path, target, message] of REFUSED) {
  test(`a link at ${path} to ${target} is refused`, async (setup) => {
    setup.plant(path, target);
    await assertRejects(() => setup.resolve(), StorageError, message);
  });
}

test("a link at demo to outside is refused", async (setup) => {
  setup.plant("allformers/demo", "outside");
  const bytes = Deno.readFileSync(new URL("../../../src/demo/demo.gguf", import.meta.url));
  setup.hub.misbehave = () => new Response(bytes);
  await assertRejects(
    () =>
      demoModelPath({
        url: new URL(`${setup.hub.endpoint}/demo.gguf`),
        folder: setup.folder.file("allformers/demo"),
      }),
    StorageError,
    "a link in it leads out of the cache",
  );
});
