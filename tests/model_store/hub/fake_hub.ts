/**
 * A hub on this machine that answers as the real one does, and, if asked, as it should not.
 *
 * Small files come from the hub itself, after a redirect to a path of its own. Large ones (`.safetensors`, `.gguf`, `.bin`)
 * are on a second server, to which the first redirects, and which must never see a token.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { HubSettings } from "../../../src/model_store/hub/hub_settings.ts";

/** A request that one of the servers got. */
export interface SeenRequest {
  readonly server: "hub" | "storage";
  readonly method: string;
  readonly path: string;
  readonly range: string | null;
  readonly token: string | null;
}

/** How to answer instead; nothing for the usual answer. */
export type Misbehaviour = (
  request: Request,
  seen: SeenRequest,
  usual: () => Response,
) => Response | Promise<Response> | undefined;

/** A repository: its files at one commit. */
export interface FakeRepo {
  readonly commit: string;
  readonly files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  /** The token without which nothing is given away. */
  readonly token?: string;
}

export const COMMIT = "0123456789abcdef0123456789abcdef01234567";

/** Two servers. Dispose them. */
export class FakeHub implements AsyncDisposable {
  readonly repos = new Map<string, FakeRepo>();
  readonly seen: SeenRequest[] = [];
  misbehave: Misbehaviour = () => undefined;
  readonly #closing = new AbortController();
  readonly #hub: Deno.HttpServer<Deno.NetAddr>;
  readonly #storage: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    const { signal } = this.#closing;
    const onError = () => new Response(null, { status: 500 });
    const options = { hostname: "127.0.0.1", port: 0, signal, onError, onListen() {} };
    this.#storage = Deno.serve(options, (request) => this.#answer("storage", request));
    this.#hub = Deno.serve(options, (request) => this.#answer("hub", request));
  }

  /** Where the hub is. */
  get endpoint(): string {
    return `http://127.0.0.1:${this.#hub.addr.port}`;
  }

  /** Where the bytes of large files are: another port, which makes it another origin. */
  get storageEndpoint(): string {
    return `http://127.0.0.1:${this.#storage.addr.port}`;
  }

  /** Settings for a client of this hub, that keep it from waiting. */
  settings(folder: string, changes: Partial<HubSettings> = {}): HubSettings {
    return {
      cacheFolder: folder,
      endpoint: this.endpoint,
      offlineVariable: undefined,
      metadataTimeoutMs: 5000,
      downloadTimeoutMs: 5000,
      retryDelayMs: 1,
      hidesProgress: false,
      readToken: () => undefined,
      ...changes,
    };
  }

  /** Adds a repository with these files. */
  add(name: string, files: Record<string, Uint8Array<ArrayBuffer> | string>, token?: string): void {
    const bytes = new Map(
      Object.entries(files).map(([path, content]) => [
        path,
        typeof content === "string" ? new TextEncoder().encode(content) : content,
      ]),
    );
    this.repos.set(name, { commit: COMMIT, files: bytes, token });
  }

  /** How many requests of a method, such as GET, there were for a file. */
  count(method: string, file = ""): number {
    return this.seen.filter((seen) =>
      seen.method === method && seen.path.endsWith(file) && !seen.path.startsWith("/cache/")
    ).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Not only what is idle: an answer that never ends would be waited for.
    this.#closing.abort();
    await Promise.all([this.#hub.finished, this.#storage.finished]);
  }

  async #answer(server: SeenRequest["server"], request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const seen: SeenRequest = {
      server,
      method: request.method,
      path: decodeURIComponent(pathname),
      range: request.headers.get("range"),
      token: request.headers.get("authorization"),
    };
    this.seen.push(seen);
    const usual = () => this.#usualAnswer(seen, request);
    return await this.misbehave(request, seen, usual) ?? usual();
  }

  #usualAnswer({ server, path, token }: SeenRequest, request: Request): Response {
    const pattern = /^(?:\/cache)?\/([^/]+\/[^/]+)\/resolve\/(.+?)\/([^/]+)$/;
    const [, name = "", revision, file = ""] = pattern.exec(path) ?? [];
    const repo = this.repos.get(name);
    if (repo === undefined) return refusal(401, "RepoNotFound");
    if (repo.token !== undefined && server === "hub" && token !== `Bearer ${repo.token}`) {
      return refusal(401, "RepoNotFound");
    }
    if (revision !== "main" && revision !== repo.commit) return refusal(404, "RevisionNotFound");
    const bytes = repo.files.get(file);
    const headers = { "x-repo-commit": repo.commit };
    if (bytes === undefined) return refusal(404, "EntryNotFound", headers);
    if (server === "storage") return content(request, bytes, '"of-the-storage"');
    if (/\.(safetensors|gguf|bin)$/.test(file)) {
      return new Response(null, {
        status: 302,
        headers: {
          ...headers,
          location:
            `${this.storageEndpoint}/${name}/resolve/${repo.commit}/${file}?signature=secret`,
          "x-linked-etag": `"${sha256(bytes)}"`,
          "x-linked-size": String(bytes.length),
        },
      });
    }
    if (!path.startsWith("/cache/")) {
      const location = `/cache/${name}/resolve/${repo.commit}/${file}`;
      return new Response(null, { status: 307, headers: { ...headers, location } });
    }
    return content(request, bytes, `"${gitSha1(bytes)}"`, headers);
  }
}

/** The answer with the bytes, or the part of them that is asked for. */
export function content(
  request: Request,
  bytes: Uint8Array<ArrayBuffer>,
  etag: string,
  headers: Record<string, string> = {},
): Response {
  const [, startText] = /^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "") ?? [];
  const start = Number(startText ?? 0);
  if (start >= bytes.length && start > 0) return new Response(null, { status: 416 });
  const part = bytes.subarray(start);
  return new Response(request.method === "HEAD" ? null : part, {
    status: startText === undefined ? 200 : 206,
    headers: {
      ...headers,
      etag,
      "content-length": String(part.length),
      ...(startText !== undefined && {
        "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}`,
      }),
    },
  });
}

export function refusal(
  status: number,
  code: string,
  headers: Record<string, string> = {},
): Response {
  return new Response(`${code}\n`, { status, headers: { ...headers, "x-error-code": code } });
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export function gitSha1(bytes: Uint8Array): string {
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

/** The files of the checkpoint that the tests serve, without those left out. */
export function checkpointFiles(
  folder: URL,
  ...omitted: string[]
): Record<string, Uint8Array<ArrayBuffer>> {
  const files: Record<string, Uint8Array<ArrayBuffer>> = {};
  for (const { name } of Deno.readDirSync(folder)) {
    if (/^(case\.json|expected\.safetensors)$/.test(name) || omitted.includes(name)) continue;
    files[name] = Deno.readFileSync(new URL(name, folder));
  }
  return files;
}

export const PLAIN = new URL("../../fixtures/reference/hf_folder/", import.meta.url);
export const SHARDED = new URL("../../fixtures/reference/hf_folder_sharded/", import.meta.url);

/** A body that begins and then stops to come. */
export function stalling(bytes: Uint8Array<ArrayBuffer>): Response {
  return new Response(
    new ReadableStream({ start: (controller) => controller.enqueue(bytes) }),
  );
}
