/**
 * Asks the hub: what a file is, and for its bytes. Redirects are followed here and not by `fetch()`, so that the access
 * token stays with the hub and nobody is led to a file of this machine.
 *
 * @module
 */
import { HubError } from "../../base/errors.ts";
import { quote } from "../../base/describe.ts";
import type { Content } from "./content.ts";
import { type HubModel, hubModelName, isCommit } from "./model_names.ts";
import type { HubSettings } from "./hub_settings.ts";
import { Retries, TransientError, UnreachableError } from "./retries.ts";
import { place, StallTimer } from "./stall_timer.ts";

/** What the hub says about a file. */
export interface RemoteFile extends Content {
  /** Its path in the repository. */
  readonly file: string;
  /** The commit that the revision is at. */
  readonly commit: string;
}

const MAX_REDIRECTS = 10;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
/** What may be different a moment later. */
const TRANSIENT_STATUSES: readonly number[] = [408, 425, 429, 500, 502, 503, 504];
const ETAG = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** Makes the requests for one model. */
export class HubClient {
  /** Where the hub is, and how patient to be. */
  readonly settings: HubSettings;
  readonly #model: HubModel;
  readonly #onNotice: ((text: string) => void) | undefined;
  #token: string | undefined;
  #hasReadToken = false;
  #hasToldOfRetry = false;

  /** Nothing is requested yet. `onNotice` is told why it takes so long when something is tried again, the first time. */
  constructor(settings: HubSettings, model: HubModel, onNotice?: (text: string) => void) {
    this.settings = settings;
    this.#model = model;
    this.#onNotice = onNotice;
  }

  /** Counts the failures of one thing that is requested. */
  countRetries(signal: AbortSignal | undefined): Retries {
    return new Retries(this.settings.retryDelayMs, signal, (failure) => {
      if (!this.#hasToldOfRetry) this.#onNotice?.(retryText(this.settings.endpoint, failure));
      this.#hasToldOfRetry = true;
    });
  }

  /**
   * Asks what a file is.
   *
   * @param revision a branch, tag or commit
   * @returns nothing if the repository has no such file
   * @throws {Deno.errors.NotFound} if there is no such repository or revision
   * @throws {HubError} if the hub refuses, or fails several times
   */
  async describe(
    revision: string,
    file: string,
    signal?: AbortSignal,
  ): Promise<RemoteFile | undefined> {
    const url = this.#url(revision, file);
    const retries = this.countRetries(signal);
    while (true) {
      try {
        using timer = new StallTimer(url, this.settings.metadataTimeoutMs, signal);
        const response = await this.#send("HEAD", url, {}, timer, describesFile);
        await response.body?.cancel();
        if (response.status === 404 && isMissingEntry(response)) return undefined;
        this.#requireOk(response, file);
        return parseDescription(response, file, url);
      } catch (error) {
        await retries.waitAfter(error);
      }
    }
  }

  /**
   * Requests the bytes of a file, once.
   *
   * @param start the first byte that is wanted
   * @param timer stops the request; whoever reads the body restarts it for each piece
   * @returns a response with status 200, 206 or 416
   * @throws {HubError} if the hub refuses; a {@linkcode TransientError} if it may not do so again
   */
  async open(remote: RemoteFile, start: number, timer: StallTimer): Promise<Response> {
    const headers: Record<string, string> = start > 0 ? { range: `bytes=${start}-` } : {};
    const url = this.#url(remote.commit, remote.file);
    const response = await this.#send("GET", url, headers, timer);
    if (response.status === 416 && start > 0) return response;
    try {
      this.#requireOk(response, remote.file);
      requireIdentity(response, remote.file);
    } catch (error) {
      await response.body?.cancel();
      throw error;
    }
    return response;
  }

  #url(revision: string, file: string): URL {
    const path = file.split("/").map(encodeURIComponent).join("/");
    return new URL(
      `${this.settings.endpoint}/${this.#model.repo}/resolve/${
        encodeURIComponent(revision)
      }/${path}`,
    );
  }

  /** Sends a request, and again to wherever it is redirected, until `isAnswer` or there is no further redirect. */
  async #send(
    method: string,
    start: URL,
    headers: Record<string, string>,
    timer: StallTimer,
    isAnswer: (response: Response) => boolean = () => false,
  ): Promise<Response> {
    let url = start;
    let token = this.#readToken();
    for (let numRedirects = 0; numRedirects <= MAX_REDIRECTS; numRedirects++) {
      const response = await this.#fetch(url, {
        method,
        redirect: "manual",
        // Compressed, the bytes would be others than those whose number and hash are known.
        headers: {
          ...headers,
          "accept-encoding": "identity",
          "user-agent": "allformers",
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
      }, timer);
      if (!REDIRECTS.includes(response.status) || isAnswer(response)) return response;
      await response.body?.cancel();
      const next = redirectTarget(response, url);
      // Never again, even if another host sends us back: it would have chosen what we ask for.
      if (next.origin !== start.origin) token = undefined;
      url = next;
    }
    throw new HubError(
      `Cannot download from ${place(start)}: it redirects in circles: received more than ` +
        `${MAX_REDIRECTS} redirects. Check HF_ENDPOINT.`,
    );
  }

  async #fetch(url: URL, init: RequestInit, timer: StallTimer): Promise<Response> {
    try {
      return await fetch(url, { ...init, signal: timer.signal });
    } catch (error) {
      throw timer.explain(error);
    }
  }

  #readToken(): string | undefined {
    if (!this.#hasReadToken) {
      this.#token = this.settings.readToken();
      this.#hasReadToken = true;
    }
    return this.#token;
  }

  #requireOk(response: Response, file: string): void {
    const { status } = response;
    if (response.ok || REDIRECTS.includes(status) && describesFile(response)) return;
    const what = `Cannot download ${quote(file)} of ${quote(hubModelName(this.#model))}`;
    const code = response.headers.get("x-error-code");
    const received = `received status ${status}${code ? ` (${quote(code)})` : ""}`;
    if (status === 401 || status === 403) {
      throw new HubError(`${what}: ${this.#refusal(code, received)}`, { status });
    }
    if (status === 404) {
      const missing = code === "RevisionNotFound" ? "revision" : "model or file";
      throw new Deno.errors.NotFound(
        `${what}: the hub has no such ${missing}: ${received}. Check the name.`,
      );
    }
    if (TRANSIENT_STATUSES.includes(status)) {
      throw new TransientError(
        `${what}: the hub is busy or out of order: ${received}. Try again later.`,
        {
          status,
          retryAfterMs: retryAfterMs(response.headers.get("retry-after")),
        },
      );
    }
    throw new HubError(`${what}: the hub refused: ${received}. Check HF_ENDPOINT.`, { status });
  }

  /** Why the hub does not let this user have a file, and what to do about it. */
  #refusal(code: string | null, received: string): string {
    const page = `${this.settings.endpoint}/${this.#model.repo}`;
    const howTo = "set HF_TOKEN to an access token, or run `hf auth login`";
    if (code === "GatedRepo") {
      return `its owner asks for consent first: ${received}. Accept the conditions at ${page}, then ${howTo}.`;
    }
    return this.#token === undefined
      ? `there is no such model, or it is not public: ${received}. Check the name; if you may use it, ${howTo}.`
      : `the access token is not valid, or does not allow it: ${received}. ` +
        "Set HF_TOKEN to one that does, or unset it for a public model.";
  }
}

/** What to tell whoever waits for something that is tried again. */
function retryText(endpoint: string, failure: TransientError): string {
  const problem = failure instanceof UnreachableError
    ? "does not answer"
    : failure.status === undefined
    ? "sends something else than it promised"
    : `is busy or out of order (status ${failure.status})`;
  return `${new URL(endpoint).host} ${problem}: trying again ...`;
}

/** Whether the answer is about the file itself: the hub says so even when it redirects to where the bytes are. */
function describesFile({ headers }: Response): boolean {
  return headers.has("x-repo-commit") && headers.has("x-linked-etag");
}

/** Whether it is the file that is missing, and not the repository or revision. */
function isMissingEntry({ headers }: Response): boolean {
  const code = headers.get("x-error-code");
  return code === null || code === "EntryNotFound";
}

function parseDescription({ headers }: Response, file: string, url: URL): RemoteFile {
  const commit = headers.get("x-repo-commit") ?? "";
  const etag = (headers.get("x-linked-etag") ?? headers.get("etag") ?? "")
    .replace(/^(?:W\/)?"(.*)"$/, "$1");
  // Of a compressed answer, content-length would be that of the compressed bytes.
  const length = headers.has("content-encoding") ? null : headers.get("content-length");
  const size = headers.get("x-linked-size") ?? length ?? "";
  if (!isCommit(commit)) throw notAHub(url, "X-Repo-Commit", commit);
  if (!ETAG.test(etag)) throw notAHub(url, "ETag", etag);
  if (!/^\d{1,15}$/.test(size)) throw notAHub(url, "size", size);
  return { file, commit, etag, size: Number(size) };
}

function notAHub(url: URL, name: string, received: string): HubError {
  return new HubError(
    `Cannot download from ${place(url)}: it does not answer as a model hub does: received ` +
      `${quote(received)} as ${name}. Check HF_ENDPOINT, and whether a proxy is in between.`,
  );
}

function requireIdentity({ headers }: Response, file: string): void {
  const encoding = headers.get("content-encoding");
  if (encoding === null || encoding === "identity") return;
  throw new TransientError(
    `Cannot download ${quote(file)}: the hub sent it compressed, which was not asked for: ` +
      `received ${quote(encoding)}. Check whether a proxy is in between.`,
  );
}

function redirectTarget(response: Response, from: URL): URL {
  const location = response.headers.get("location") ?? "";
  const url = URL.parse(location, from);
  const isAllowed = url !== null && url.username === "" &&
    (url.protocol === "https:" || url.protocol === "http:" && from.protocol === "http:");
  if (isAllowed) return url;
  throw new HubError(
    `Cannot download from ${
      place(from)
    }: it redirects to where no model is fetched from: received ` +
      `${quote(url === null ? location : url.protocol + "//" + url.host)}. Check HF_ENDPOINT.`,
  );
}

/** How long the server asks to wait: a number of seconds, or a date. */
function retryAfterMs(value: string | null): number | undefined {
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
