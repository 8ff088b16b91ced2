import { assertEquals, assertRejects } from "@std/assert";
import { fileURLToPath, pathToFileURL } from "node:url";
import {
  findHubModel,
  type ModelProgress,
  type ResolveOptions,
} from "../../src/model_store/hub_models.ts";
import { openCheckpoint } from "../../src/checkpoint/open_checkpoint.ts";
import { resolveModel } from "../../src/model_store/resolve_model.ts";
import { FileFormatError } from "../../src/base/errors.ts";
import { takeFileLock } from "../../src/base/file_lock.ts";
import { checkpointFiles, COMMIT, FakeHub, PLAIN } from "./hub/fake_hub.ts";
import { TemporaryFolder } from "../checkpoint/folders.ts";

const FOLDER = new URL("../fixtures/reference/hf_folder", import.meta.url);

Deno.test("resolveModel() gives the path of what is there", async () => {
  const path = fileURLToPath(FOLDER);
  assertEquals(await resolveModel(path), path);
  assertEquals(await resolveModel(FOLDER), path);
  assertEquals(await resolveModel(FOLDER.href), path);
});

Deno.test("resolveModel() decodes file URLs", async () => {
  const folder = await Deno.makeTempDir({ prefix: "with space " });
  try {
    const url = pathToFileURL(folder);
    assertEquals(await resolveModel(url), folder);
  } finally {
    await Deno.remove(folder);
  }
});

Deno.test("resolveModel() gives the best model of a training run, or the last", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/log.jsonl`, "");
    const nothing = "it is a training run that has saved nothing yet";
    await assertRejects(() => resolveModel(folder), Deno.errors.NotFound, nothing);
    for (const name of ["last", "best"]) {
      await Deno.mkdir(`${folder}/${name}`);
      assertEquals(await resolveModel(folder), `${folder}/${name}`);
      assertEquals(await resolveModel(pathToFileURL(`${folder}/`)), `${folder}/${name}`);
    }
    // A model that was saved there is itself.
    await Deno.writeTextFile(`${folder}/config.json`, "{}");
    assertEquals(await resolveModel(folder), folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

const NOT_FOUND: readonly (readonly [source: string | URL, message: string])[] = [
  [
    "bert-base",
    "The names without an owner are demo, gpt2, gpt2-medium, gpt2-large, gpt2-xl, distilgpt2; any other " +
    "model of the hub is called owner/name.",
  ],
  ["gpt2small", "Did you mean gpt2? The names without an owner are"],
  ["GPT2-small", "Did you mean gpt2? "],
  ["gpt3", "Did you mean gpt2?"],
  ["Demo", 'there is no such file, folder or model: received "Demo". Did you mean demo?'],
  ["gpt2-medum", "Did you mean gpt2-medium?"],
  ["./gpt2.gguf", 'there is no such file or folder: received "./gpt2.gguf". Check the path.'],
  ["gpt2.gguf", "there is no such file or folder: received"],
  ["owner/gpt2.gguf", "there is no such file or folder: received"],
  ["a/b/c", "there is no such file or folder: received"],
  ["", 'there is no such file or folder: received ""'],
  [new URL("nowhere", FOLDER), "there is no such file or folder"],
  [new URL("file:///%00/%2f"), "its URL names no file on this system: received"],
  [new URL("file:///C:/%00"), "there is no such file or folder: received"],
  ["file:///%zz", "its URL names no file on this system: received"],
  ["a".repeat(5000), "there is no such file"],
  ["a".repeat(5000) + ".gguf", "there is no such file or folder: received"],
  ["/etc/passwd/x.gguf", "there is no such file or folder: received"],
  ["https://example.com/gpt2.gguf", "downloaded from the hub only, by their names: received"],
  [new URL("https://example.com/gpt2.gguf"), "downloaded from the hub only"],
];

for (const [source, message] of NOT_FOUND) {
  Deno.test(`resolveModel() finds nothing at ${source instanceof URL ? "URL " : ""}"${String(source).slice(-80)}"`, async () => {
    await assertRejects(() => resolveModel(source), Deno.errors.NotFound, message);
  });
}

/** A hub with a model, and empty caches. */
async function withHub(
  body: (options: ResolveOptions, hub: FakeHub, folder: TemporaryFolder) => Promise<void>,
): Promise<void> {
  using folder = new TemporaryFolder();
  await using hub = new FakeHub();
  hub.add("openai-community/gpt2", checkpointFiles(PLAIN));
  const options = {
    hub: hub.settings(folder.file("hub")),
    convertedFolder: folder.file("converted"),
  };
  await body(options, hub, folder);
}

Deno.test("resolveModel() downloads and converts a model of the hub once", async () => {
  await withHub(async (options, hub, folder) => {
    const steps = new Set<string>();
    const onProgress = ({ step }: ModelProgress) => void steps.add(step);
    const path = await resolveModel("gpt2", { ...options, onProgress });
    assertEquals(path, folder.file(`converted/openai-community--gpt2/${COMMIT}/gpt2-Q8_0.gguf`));
    assertEquals([...steps], ["download", "convert"]);
    {
      using checkpoint = await openCheckpoint(path);
      assertEquals(checkpoint.name, "gpt2");
      assertEquals(checkpoint.weights.get("tokenEmbedding")!.dtype, "q8_0");
    }
    hub.seen.length = 0;
    assertEquals(await resolveModel("gpt2", options), path);
    assertEquals(await resolveModel(`openai-community/gpt2@${COMMIT}`, options), path);
    assertEquals(findHubModel({ repo: "openai-community/gpt2", revision: "main" }, options), path);
    // Another type needs no other download.
    const other = await resolveModel("gpt2", { ...options, type: "f32" });
    assertEquals(other, path.replace("Q8_0", "F32"));
    assertEquals(hub.seen, []);
  });
});

Deno.test("resolveModel() finds a converted model whose download was removed", async () => {
  await withHub(async (options, hub, folder) => {
    const path = await resolveModel("gpt2", options);
    Deno.removeSync(folder.file("hub"), { recursive: true });
    hub.seen.length = 0;
    assertEquals(await resolveModel("gpt2", options), path);
    assertEquals(hub.seen, []);
  });
});

Deno.test("resolveModel() with refresh converts the newest version", async () => {
  await withHub(async (options, hub) => {
    const path = await resolveModel("gpt2", options);
    const newer = "f".repeat(40);
    hub.repos.set("openai-community/gpt2", {
      commit: newer,
      files: hub.repos.get("openai-community/gpt2")!.files,
    });
    assertEquals(await resolveModel("gpt2", options), path);
    const refreshed = await resolveModel("gpt2", { ...options, refresh: true });
    assertEquals(refreshed, path.replace(COMMIT, newer));
    assertEquals(await resolveModel("gpt2", options), refreshed);
  });
});

Deno.test("resolveModel() gives the files of the hub as they are, if asked to", async () => {
  await withHub(async (options, _hub, folder) => {
    const path = await resolveModel("gpt2", { ...options, type: "original" });
    assertEquals(
      path,
      folder.file(`hub/models--openai-community--gpt2/snapshots/${COMMIT}`),
    );
    assertEquals(folder.names(), ["hub"]);
  });
});

Deno.test("resolveModel() converts once where it is asked twice at the same time", async () => {
  await withHub(async (options, hub, folder) => {
    let numConverted = 0;
    const onProgress = (progress: ModelProgress) => {
      if (progress.step === "convert" && progress.writtenBytes === progress.totalBytes) {
        numConverted++;
      }
    };
    const both = [1, 2].map(() => resolveModel("gpt2", { ...options, onProgress }));
    const [first, second] = await Promise.all(both);
    assertEquals(first, second);
    assertEquals([numConverted, hub.count("GET", "model.safetensors")], [1, 2]);
    const folderOfModel = folder.file(`converted/openai-community--gpt2/${COMMIT}`);
    const names = Array.from(Deno.readDirSync(folderOfModel), ({ name }) => name).sort();
    assertEquals(names, ["gpt2-Q8_0.gguf", "gpt2-Q8_0.gguf.lock"]);
  });
});

Deno.test("resolveModel() takes what another process has converted in the meantime", async () => {
  await withHub(async (options, _hub, folder) => {
    await resolveModel("gpt2", { ...options, type: "original" });
    const folderOfModel = folder.file(`converted/openai-community--gpt2/${COMMIT}`);
    Deno.mkdirSync(folderOfModel, { recursive: true });
    const path = `${folderOfModel}/gpt2-Q8_0.gguf`;
    let resolved: Promise<string>;
    {
      using _lock = await takeFileLock(`${path}.lock`);
      resolved = resolveModel("gpt2", options);
      await new Promise((resolve) => setTimeout(resolve, 50));
      Deno.writeTextFileSync(path, "theirs");
    }
    assertEquals(await resolved, path);
    assertEquals(Deno.readTextFileSync(path), "theirs");
  });
});

Deno.test("resolveModel() removes what a killed conversion has left", async () => {
  await withHub(async (options, _hub, folder) => {
    const folderOfModel = folder.file(`converted/openai-community--gpt2/${COMMIT}`);
    Deno.mkdirSync(folderOfModel, { recursive: true });
    Deno.writeTextFileSync(`${folderOfModel}/gpt2-Q8_0.gguf.01234567.gpt2.incomplete`, "half");
    await resolveModel("gpt2", options);
    const names = Array.from(Deno.readDirSync(folderOfModel), ({ name }) => name).sort();
    assertEquals(names, ["gpt2-Q8_0.gguf", "gpt2-Q8_0.gguf.lock"]);
  });
});

Deno.test("resolveModel() refuses another architecture before its weights are downloaded", async () => {
  await withHub(async (options, hub) => {
    const config = JSON.stringify({ model_type: "llama", architectures: ["LlamaForCausalLM"] });
    hub.add("owner/llama", { ...checkpointFiles(PLAIN), "config.json": config });
    await assertRejects(() => resolveModel("owner/llama", options), FileFormatError);
    assertEquals(hub.count("GET", "model.safetensors"), 0);
  });
});

Deno.test("resolveModel() prefers a folder of that name", async () => {
  await withHub(async (options, hub, folder) => {
    const here = Deno.cwd();
    Deno.mkdirSync(folder.file("gpt2"));
    Deno.chdir(folder.path);
    try {
      assertEquals(await resolveModel("gpt2", options), "gpt2");
    } finally {
      Deno.chdir(here);
    }
    assertEquals(hub.seen, []);
  });
});
