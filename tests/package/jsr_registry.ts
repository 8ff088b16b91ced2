/**
 * A registry on this machine that has this package as jsr.io would have it: the files that `deno publish` uploads, and no
 * others.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { packageFiles } from "../../scripts/package_files.ts";

const { name, version, exports } = JSON.parse(
  await Deno.readTextFile(new URL("../../deno.json", import.meta.url)),
);

/** The package's name, `@allformers/gpt2`. */
export const PACKAGE: string = name;

/** A server. Dispose it. */
export class JsrRegistry implements AsyncDisposable {
  /** The paths that were asked for, in the package where they are of one: `/mod.ts`. */
  readonly seen: string[] = [];
  /** Answers instead of the registry, if it returns something. */
  misbehave: (path: string) => Response | undefined = () => undefined;
  readonly #answers: ReadonlyMap<string, Uint8Array<ArrayBuffer> | string>;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  private constructor(files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>) {
    const manifest: Record<string, { size: number; checksum: string }> = {};
    const answers = new Map<string, Uint8Array<ArrayBuffer> | string>();
    for (const [path, bytes] of files) {
      const checksum = `sha256-${createHash("sha256").update(bytes).digest("hex")}`;
      manifest[path] = { size: bytes.length, checksum };
      answers.set(`/${name}/${version}${path}`, bytes);
    }
    answers.set(
      `/${name}/meta.json`,
      JSON.stringify({
        scope: name.slice(1).split("/")[0],
        latest: version,
        versions: { [version]: {} },
      }),
    );
    answers.set(
      `/${name}/${version}_meta.json`,
      JSON.stringify({ manifest, exports }),
    );
    this.#answers = answers;
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => this.#answer(new URL(request.url).pathname),
    );
  }

  /**
   * A registry with the package as it is now.
   *
   * @param more files that a release adds or changes, by their paths in the package
   */
  static async start(
    more: ReadonlyMap<string, Uint8Array<ArrayBuffer>> = new Map(),
  ): Promise<JsrRegistry> {
    const files = await packageFiles();
    const read = files.map(async ({ path, url }) => [path, await Deno.readFile(url)] as const);
    return new JsrRegistry(new Map([...await Promise.all(read), ...more]));
  }

  /** What `JSR_URL` has to be. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  #answer(pathname: string): Response {
    const prefix = `/${name}/${version}/`;
    const path = pathname.startsWith(prefix) ? pathname.slice(prefix.length - 1) : pathname;
    this.seen.push(path);
    const answer = this.#answers.get(pathname);
    return this.misbehave(path) ?? new Response(answer ?? null, {
      status: answer === undefined ? 404 : 200,
      headers: { "content-type": contentType(pathname) },
    });
  }
}

function contentType(path: string): string {
  if (path.endsWith(".ts")) return "application/typescript";
  return path.endsWith(".json") ? "application/json" : "application/octet-stream";
}
