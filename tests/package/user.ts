/**
 * Someone who has Deno and nothing else: no clone, empty caches, and a registry and a hub that are on this machine.
 *
 * @module
 */
import { TemporaryFolder } from "../checkpoint/folders.ts";
import { libraryFileName } from "../../src/native_library/build_stamp.ts";
import { checkpointFiles, FakeHub, PLAIN } from "../model_store/hub/fake_hub.ts";
import { JsrRegistry, PACKAGE } from "./jsr_registry.ts";

/** Where the native library of users comes from: from npm, as by default, or a copy of the one that was built here. */
export type LibrarySource = "npm" | "built";

/** What a machine may need to be told to reach npm. */
const NETWORK_VARIABLE =
  /^(https?_proxy|node_extra_ca_certs|deno_cert|deno_tls_ca_store|npm_config_registry)$/i;

/** Far longer than any test should take: what does not end by itself is ended then. */
const MAX_MS = 180_000;

/** What a program did. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What users have in common. Dispose it. */
export class World implements AsyncDisposable {
  readonly hub: FakeHub = new FakeHub();
  readonly registry: JsrRegistry;
  readonly #folder = new TemporaryFolder();
  readonly #library: LibrarySource;

  private constructor(registry: JsrRegistry, library: LibrarySource) {
    this.registry = registry;
    this.#library = library;
    this.hub.add("openai-community/gpt2", checkpointFiles(PLAIN));
    // Without the note that the build left beside it, so that it has to be tried out like one from elsewhere.
    const built = new URL(`../../native/build/${libraryFileName()}`, import.meta.url);
    Deno.copyFileSync(built, this.#folder.file(libraryFileName()));
  }

  /**
   * Starts both servers.
   *
   * @param library where the native library comes from. Default: what is built here, which needs no network
   * @param more files that a release adds to the package
   */
  static async create(
    library: LibrarySource = "built",
    more?: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
  ): Promise<World> {
    return new World(await JsrRegistry.start(more), library);
  }

  /** What everyone's Deno is told. */
  get variables(): Record<string, string> {
    return {
      NO_COLOR: "1",
      DENO_NO_UPDATE_CHECK: "1",
      JSR_URL: this.registry.url,
      HF_ENDPOINT: this.hub.endpoint,
      ...(this.#library === "built"
        ? { GPT2_NATIVE_LIBRARY: this.#folder.file(libraryFileName()) }
        : { ...networkVariables(), NO_PROXY: "127.0.0.1" }),
    };
  }

  /** Where Deno keeps what it downloads, for users to whom that does not matter. */
  get denoFolder(): string {
    return this.#folder.file("deno");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.registry[Symbol.asyncDispose]();
    await this.hub[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}

/** A user with a folder of their own to work in, and one for caches. Dispose it. */
export class User implements Disposable {
  readonly #world: World;
  readonly #folder = new TemporaryFolder();
  readonly #denoFolder: string;

  /** @param denoFolder where Deno keeps what it downloads. Default: a new folder */
  constructor(world: World, denoFolder?: string) {
    this.#world = world;
    this.#denoFolder = denoFolder ?? this.#folder.file("deno");
    Deno.mkdirSync(this.file(""));
    Deno.mkdirSync(this.#folder.file("home"));
  }

  /** The path of a file in the folder that this user works in. */
  file(name: string): string {
    return this.#folder.file(`work/${name}`);
  }

  /** The files in this user's caches, from the home folder on. */
  cached(): string[] {
    return filesIn(this.#folder.file("home"));
  }

  /** Runs the package as a program: `deno run [permissions] jsr:@allformers/gpt2 [args]`. */
  async run(
    permissions: readonly string[],
    args: readonly string[],
    variables?: Record<string, string>,
  ): Promise<Outcome> {
    const program = `jsr:${PACKAGE}`;
    return await this.deno(
      ["run", "--quiet", "--no-prompt", ...permissions, program, ...args],
      variables,
    );
  }

  /** Runs Deno. */
  async deno(args: readonly string[], variables: Record<string, string> = {}): Promise<Outcome> {
    const home = this.#folder.file("home");
    const { SystemRoot } = Deno.env.toObject();
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...args],
      cwd: this.file(""),
      clearEnv: true,
      env: {
        ...this.#world.variables,
        DENO_DIR: this.#denoFolder,
        HOME: home,
        USERPROFILE: home,
        LOCALAPPDATA: home,
        ...(SystemRoot !== undefined && { SystemRoot }),
        ...variables,
      },
      stdin: "null",
      signal: AbortSignal.timeout(MAX_MS),
    }).output();
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, stdout: decode(stdout), stderr: decode(stderr) };
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

function networkVariables(): Record<string, string> {
  const all = Object.entries(Deno.env.toObject());
  return Object.fromEntries(all.filter(([name]) => NETWORK_VARIABLE.test(name)));
}

function filesIn(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder)).flatMap(({ name, isDirectory }) =>
    isDirectory ? filesIn(`${folder}/${name}`).map((path) => `${name}/${path}`) : [name]
  ).sort();
}
