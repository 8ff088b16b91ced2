/**
 * Modules for GPUs, with a module and a registry that only look like real ones: no GPU is needed, nor a driver.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Buffer } from "node:buffer";
import { pathToFileURL } from "node:url";
import { compress, tableSource } from "../../scripts/make_library_table.ts";
import { sha256 } from "../../src/base/sha256.ts";
import { levelsOfThisCpu } from "../../src/native_library/cpu_levels.ts";
import { prebuiltPackages } from "../../src/native_library/prebuilt/packages.ts";
import { type GpuPackage, gpuPackages } from "../../src/native_library/prebuilt/gpu_packages.ts";
import { assertOpens, built, Sandbox } from "./library_trial.ts";
import { type FolderServer, serveFolder } from "./serve_folder.ts";

const isLinux = Deno.build.os === "linux";
const system = `${Deno.build.os} ${Deno.build.arch}`;
const SPECIFIER = "@node-llama-cpp/module-for-tests";

/** A module in which ggml finds a driver and no device. */
const MODULE = `
#include <stddef.h>
static const char * name(void * reg) { return "Vulkan"; }
static size_t count(void * reg) { return 0; }
static void * nothing(void * reg, size_t index) { return NULL; }
static void * no_function(void * reg, const char * name) { return NULL; }
static struct { int version; void * functions[4]; void * context; } reg =
  { 2, { name, count, nothing, no_function }, NULL };
void * ggml_backend_init(void) { return &reg; }
`;

/** Says what came of asking for a device. */
const PROGRAM = `
const offer = gpuOffer();
const texts = [];
const onProgress = ({ text }) => texts.push(text);
let result = "opened";
for (const device of Deno.args) {
  try {
    await openLibrary({ device, onProgress });
  } catch (error) {
    result = error.name + ": " + error.message;
  }
}
const { place } = libraryVerdicts().find(({ verdict }) => verdict === "used") ?? {};
console.log(JSON.stringify({ result, texts, place, offer, gpus: gpuVerdicts() }));
`;

/** A clone whose table of modules is another, and a registry for it. */
class GpuSandbox implements AsyncDisposable {
  readonly #sandbox = new Sandbox();
  readonly #clone = this.#sandbox.clone();
  readonly #registry: FolderServer;
  readonly module: Uint8Array<ArrayBuffer>;
  /** How often the package was fetched. */
  numFetched = 0;

  private constructor(module: Uint8Array<ArrayBuffer>, tarball: Uint8Array<ArrayBuffer>) {
    this.module = module;
    this.#registry = serveFolder(this.#sandbox.folder, (path) => {
      if (path.endsWith(".tgz")) {
        this.numFetched++;
        return new Response(tarball);
      }
      return Response.json(describePackage(this.#registry.address, tarball));
    });
    Deno.mkdirSync(`${this.#sandbox.folder}/allformers`, { mode: 0o700 });
  }

  /** @param needs the libraries that the module needs, it is said */
  static async create(needs: string[], changes: Partial<GpuPackage> = {}): Promise<GpuSandbox> {
    const folder = Deno.makeTempDirSync({ prefix: "gpt2-gpu-" });
    try {
      const inside = `${folder}/package/bins`;
      Deno.mkdirSync(inside, { recursive: true });
      Deno.writeTextFileSync(`${folder}/module.c`, MODULE);
      const manifest = { name: SPECIFIER, version: "1.0.0" };
      Deno.writeTextFileSync(`${folder}/package/package.json`, JSON.stringify(manifest));
      await run(folder, "cc", ["-shared", "-fPIC", "-o", "package/bins/module.so", "module.c"]);
      await run(folder, "tar", ["czf", "package.tgz", "package"]);
      const module = Deno.readFileSync(`${inside}/module.so`);
      const tarball = Deno.readFileSync(`${folder}/package.tgz`);
      const sandbox = new GpuSandbox(module, tarball);
      await sandbox.#writeTable(needs, tarball, changes);
      return sandbox;
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  }

  async #writeTable(
    needs: string[],
    tarball: Uint8Array<ArrayBuffer>,
    changes: Partial<GpuPackage>,
  ): Promise<void> {
    const vulkan: GpuPackage = {
      name: SPECIFIER,
      version: "1.0.0",
      integrity: await integrityOf(tarball),
      downloadBytes: 1_500_000,
      unpackedBytes: 3_000_000,
      folder: "bins",
      file: "module.so",
      moduleBytes: this.module.length,
      sha256: await sha256(this.module),
      needs,
      ...changes,
    };
    Deno.writeTextFileSync(
      `${this.#clone}/src/native_library/prebuilt/gpu_packages.ts`,
      `export const gpuPackages = ${JSON.stringify({ [system]: { vulkan: [vulkan] } })};`,
    );
  }

  /** Where the module is, once it was fetched. */
  get modulePath(): string {
    const { folder } = this.#sandbox;
    const libraries = `${folder}/allformers/libraries`;
    const [version] = Array.from(Deno.readDirSync(libraries), ({ name }) => name);
    const prebuilt = `${libraries}/${version}/prebuilt`;
    const names = Array.from(Deno.readDirSync(prebuilt), ({ name }) => name);
    return `${prebuilt}/${names.find((name) => name.endsWith("-module.so"))}`;
  }

  /** Takes the prebuilt ggml itself from npm, which is none of what is tested here. */
  async fetchPrebuilt(): Promise<void> {
    const { folder } = this.#sandbox;
    await assertOpens({ cache: folder, clone: this.#clone, env: { HF_HUB_OFFLINE: "0" } });
  }

  /** Puts a library that was built for the processor alone where one is looked for first. */
  addLocalBuild(): void {
    this.#sandbox.write().stamp({ backend: "cpu" }).moveTo(`${this.#clone}/native/build`);
  }

  /** Makes the clone one of a release, with a library for this processor in it. */
  async addRelease(): Promise<void> {
    const [level] = levelsOfThisCpu();
    const { entry, compressed } = await compress(built, level, system.replace(" ", "-"), 1);
    const folder = `${this.#clone}/src/native_library/released`;
    Deno.writeFileSync(`${folder}/${entry.file}`, compressed);
    Deno.writeTextFileSync(`${folder}/table.ts`, tableSource([entry]));
  }

  /** Makes it look as if there was a GPU. */
  addGpu(): void {
    const path = `${this.#clone}/src/native_library/prebuilt/gpu_module.ts`;
    const source = Deno.readTextFileSync(path);
    assertStringIncludes(source, "/dev/dri/renderD128");
    Deno.writeTextFileSync(path, source.replace("/dev/dri/renderD128", "/dev/null"));
  }

  /** Opens the library for devices, one after the other. */
  async open(devices: string[], env: Record<string, string> = {}) {
    const { folder } = this.#sandbox;
    const program = `${folder}/program.ts`;
    const source = pathToFileURL(`${this.#clone}/src/native_library/native_library.ts`);
    Deno.writeTextFileSync(
      program,
      `import { gpuOffer, gpuVerdicts, libraryVerdicts, openLibrary } from ${
        JSON.stringify(source)
      };${PROGRAM}`,
    );
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-config", "--no-prompt", "--quiet", program, ...devices],
      env: {
        XDG_CACHE_HOME: folder,
        HOME: folder,
        NO_COLOR: "1",
        HF_HUB_OFFLINE: "0",
        NPM_CONFIG_REGISTRY: `${this.#registry.address}/`,
        ...env,
      },
    }).output();
    const decoder = new TextDecoder();
    assertEquals({ code, stderr: decoder.decode(stderr) }, { code: 0, stderr: "" });
    return JSON.parse(decoder.decode(stdout));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#registry[Symbol.asyncDispose]();
    this.#sandbox[Symbol.dispose]();
  }
}

async function run(cwd: string, program: string, args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args, cwd }).output();
  assert(success, new TextDecoder().decode(stderr));
}

async function integrityOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-512", bytes);
  return `sha512-${Buffer.from(hash).toString("base64")}`;
}

function describePackage(address: string, tarball: Uint8Array) {
  const version = {
    name: SPECIFIER,
    version: "1.0.0",
    dist: { tarball: `${address}/package.tgz`, unpackedSize: tarball.length },
  };
  return { name: SPECIFIER, "dist-tags": { latest: "1.0.0" }, versions: { "1.0.0": version } };
}

Deno.test({
  name:
    "openLibrary() fetches the module for a device that is named, once, and uses it from then on",
  ignore: !isLinux,
  async fn() {
    await using sandbox = await GpuSandbox.create([]);
    await sandbox.fetchPrebuilt();
    const none = await sandbox.open(["auto"]);
    assertEquals([none.texts, none.result, sandbox.numFetched], [[], "opened", 0]);
    const first = await sandbox.open(["vulkan"]);
    assertEquals(first.texts, ["Fetching what computes on vulkan (1.5 MB, npm), once ..."]);
    assertEquals(first.result, "opened");
    for (const device of ["vulkan", "auto"]) {
      const { texts, gpus } = await sandbox.open([device], { HF_HUB_OFFLINE: "1" });
      assertEquals(texts, []);
      assertEquals(gpus[0].verdict, "used");
      assertStringIncludes(gpus[0].problem, "no device was found");
    }
    assertEquals((await sandbox.open(["cpu"])).gpus[0].verdict, "nothing there");
    assertEquals(sandbox.numFetched, 1);

    // Damaged: it is refused where it is asked for, and passed over where it is not.
    const bytes = sandbox.module.slice();
    bytes[bytes.length >> 1] ^= 1;
    Deno.writeFileSync(sandbox.modulePath, bytes);
    const damaged = await sandbox.open(["vulkan"]);
    assertStringIncludes(damaged.result, "NativeLibraryError: Cannot use the device vulkan: ");
    assertStringIncludes(damaged.result, "is damaged: it is not the original file");
    const passedOver = await sandbox.open(["auto"]);
    assertEquals([passedOver.result, passedOver.gpus[0].verdict], ["opened", "skipped"]);
    assertStringIncludes(
      passedOver.texts.at(-1),
      `Passing over what computes on vulkan: ${sandbox.modulePath} is damaged`,
    );
    assertStringIncludes(
      passedOver.texts.at(-1),
      `Remove ${sandbox.modulePath}, and it is fetched`,
    );

    // A library built here is used, unless it cannot compute on what is named.
    sandbox.addLocalBuild();
    assertEquals((await sandbox.open(["auto"])).gpus[0].verdict, "nothing there");
    Deno.writeFileSync(sandbox.modulePath, sandbox.module);
    assertEquals((await sandbox.open(["vulkan"])).gpus[0].verdict, "used");
  },
});

Deno.test({
  name: "openLibrary() computes on a GPU whose module was fetched although a release has a library",
  ignore: !isLinux,
  async fn() {
    await using sandbox = await GpuSandbox.create([]);
    await sandbox.fetchPrebuilt();
    await sandbox.addRelease();
    const offline = { HF_HUB_OFFLINE: "1" };
    assertEquals((await sandbox.open(["auto"])).place, "release, from the package");
    assertEquals((await sandbox.open(["auto"])).place, "release, fetched before");
    const named = await sandbox.open(["vulkan"]);
    assertEquals([named.result, named.place], ["opened", "prebuilt, fetched before"]);
    const { place, texts, gpus } = await sandbox.open(["auto"], offline);
    assertEquals([place, texts, gpus[0].verdict], ["prebuilt, fetched before", [], "used"]);
    assertEquals((await sandbox.open(["cpu"], offline)).place, "release, fetched before");

    // A library of one's own comes first, as ever.
    sandbox.addLocalBuild();
    assertEquals((await sandbox.open(["auto"], offline)).place, "local build");
  },
});

Deno.test({
  name:
    "gpuOffer() offers a module, whatever would be fetched, but not in place of a library of one's own",
  ignore: !isLinux,
  async fn() {
    await using sandbox = await GpuSandbox.create([]);
    assertEquals((await sandbox.open([])).offer, undefined);
    sandbox.addGpu();
    const offer = { kind: "vulkan", downloadBytes: 1_500_000 };
    const { downloadBytes } = prebuiltPackages[system];
    assertEquals((await sandbox.open([])).offer, {
      ...offer,
      downloadBytes: offer.downloadBytes + downloadBytes,
    });
    await sandbox.fetchPrebuilt();
    await sandbox.addRelease();
    assertEquals((await sandbox.open(["auto"])).offer, offer);
    assertEquals(
      (await sandbox.open([], { GPT2_CPU_LEVEL: levelsOfThisCpu()[0] })).offer,
      undefined,
    );
    assertEquals((await sandbox.open([], { GPT2_NATIVE_LIBRARY: built })).offer, undefined);
    assertEquals((await sandbox.open(["vulkan"])).offer, offer);
    assertEquals((await sandbox.open([])).offer, undefined);
  },
});

Deno.test({
  name: "openLibrary() fetches no module where the driver is missing, and says so",
  ignore: !isLinux,
  async fn() {
    await using sandbox = await GpuSandbox.create(["libvulkan.so.99"]);
    await sandbox.fetchPrebuilt();
    const { result, gpus, texts } = await sandbox.open(["auto", "vulkan"]);
    assertStringIncludes(
      result,
      "NativeLibraryError: Cannot use the device vulkan: the loader of Vulkan is missing: " +
        "libvulkan.so.99 is not on this machine: received vulkan. Install it and a driver",
    );
    assertStringIncludes(gpus[0].problem, "libvulkan.so.99 is not on this machine");
    assertEquals([texts, sandbox.numFetched], [[], 0]);
  },
});

Deno.test({
  name: "openLibrary() refuses a module that is not the one that was published",
  ignore: !isLinux,
  async fn() {
    await using sandbox = await GpuSandbox.create([], { sha256: "0".repeat(64) });
    await sandbox.fetchPrebuilt();
    const { result } = await sandbox.open(["vulkan"]);
    assertStringIncludes(result, "is not the file that was published");
    assertEquals((await sandbox.open(["auto"])).gpus[0].verdict, "nothing there");
  },
});

Deno.test("gpuPackages has modules only for systems with a prebuilt ggml, of the same version", () => {
  for (const [system, kinds] of Object.entries(gpuPackages)) {
    for (const { version, sha256, integrity } of Object.values(kinds).flat()) {
      assertEquals(version, prebuiltPackages[system].version);
      assert(/^[0-9a-f]{64}$/.test(sha256) && integrity.startsWith("sha512-"));
    }
  }
});
