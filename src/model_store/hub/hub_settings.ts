/**
 * Where the hub is, where its files are kept, and who asks: from the environment variables that Python uses as well.
 *
 * @module
 */
import { InvalidArgumentError } from "../../base/errors.ts";
import { quote } from "../../base/describe.ts";
import {
  environmentVariable,
  isTrue,
  offlineVariable,
  type Variables,
} from "../../base/environment.ts";

/** How to reach the hub. */
export interface HubSettings {
  /** The folder of the cache that is shared with Python; nothing if the environment names none. */
  readonly cacheFolder: string | undefined;
  /** Where the hub is, without a slash at its end. */
  readonly endpoint: string;
  /** Whether no request may be made: the name of the variable that says so. */
  readonly offlineVariable: string | undefined;
  /** How long to wait for what the hub says about a file. */
  readonly metadataTimeoutMs: number;
  /** How long to wait for the next bytes of a file. */
  readonly downloadTimeoutMs: number;
  /** The pause before a request is made again; it doubles each time. */
  readonly retryDelayMs: number;
  /** Whether nobody wants to see how far a download is. */
  readonly hidesProgress: boolean;
  /** The access token, read when it is first needed. */
  readToken(): string | undefined;
}

const DEFAULT_ENDPOINT = "https://huggingface.co";
const DEFAULT_TIMEOUT_SECONDS = 10;
const MAX_TIMEOUT_SECONDS = 24 * 60 * 60;
const RETRY_DELAY_MS = 500;

/**
 * The settings that the environment asks for. Variables that may not be read count as not set.
 *
 * @throws {RangeError} if HF_ENDPOINT is no http or https URL
 */
export function readHubSettings(variables: Variables = environmentVariable): HubSettings {
  const variable = (name: string) => variables(name) || undefined;
  const home = homeFolder(variable);
  return {
    cacheFolder: cacheFolder(variable, home),
    endpoint: endpoint(variable("HF_ENDPOINT") ?? DEFAULT_ENDPOINT),
    offlineVariable: offlineVariable(variable),
    metadataTimeoutMs: timeoutMs(variable("HF_HUB_ETAG_TIMEOUT")),
    downloadTimeoutMs: timeoutMs(variable("HF_HUB_DOWNLOAD_TIMEOUT")),
    retryDelayMs: RETRY_DELAY_MS,
    hidesProgress: isTrue(variable("HF_HUB_DISABLE_PROGRESS_BARS")),
    readToken: () => readToken(variable, home),
  };
}

/** `HF_HOME`: the same folder under ~/.cache on every system, as Python has it. */
function homeFolder(variable: Variables): string | undefined {
  const given = variable("HF_HOME");
  if (given !== undefined) return expanded(given, variable);
  const cache = variable("XDG_CACHE_HOME") ?? "~/.cache";
  const folder = expanded(cache, variable);
  return folder && `${folder}/huggingface`;
}

function cacheFolder(variable: Variables, home: string | undefined): string | undefined {
  const given = variable("HF_HUB_CACHE") ?? variable("HUGGINGFACE_HUB_CACHE");
  return given === undefined ? home && `${home}/hub` : expanded(given, variable);
}

/** A path whose `~` is the user's folder; nothing if there is no such folder. */
function expanded(path: string, variable: Variables): string | undefined {
  const trimmed = path.replace(/(?<=.)[/\\]+$/, "");
  if (!/^~(?=$|[/\\])/.test(trimmed)) return trimmed;
  const user = variable(Deno.build.os === "windows" ? "USERPROFILE" : "HOME");
  return user && user + trimmed.slice(1);
}

function endpoint(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || text.includes("@")) {
    throw new InvalidArgumentError(
      `Cannot use HF_ENDPOINT: it is no http or https URL: received ${
        quote(withoutSecrets(text))
      }. ` +
        `Write for example ${DEFAULT_ENDPOINT}, or unset it.`,
    );
  }
  return (url.origin + url.pathname).replace(/\/+$/, "");
}

/** A text without what may be a password or a signature in it. */
function withoutSecrets(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/*)?.*@/is, "$1***@").replace(/[?#].*$/s, "");
}

function timeoutMs(value: string | undefined): number {
  const seconds = Number(value ?? DEFAULT_TIMEOUT_SECONDS);
  return 1000 * (seconds > 0 ? Math.min(seconds, MAX_TIMEOUT_SECONDS) : DEFAULT_TIMEOUT_SECONDS);
}

function readToken(variable: Variables, home: string | undefined): string | undefined {
  const token = variable("HF_TOKEN") ?? variable("HUGGING_FACE_HUB_TOKEN") ??
    readTokenFile(variable("HF_TOKEN_PATH") ?? (home && `${home}/token`));
  const trimmed = token?.trim();
  if (!trimmed) return undefined;
  if (!/^[\x21-\x7e]+$/.test(trimmed)) {
    throw new InvalidArgumentError(
      "Cannot use the access token: it has characters that none has: received " +
        `${trimmed.length} of them. Set HF_TOKEN again, or run \`hf auth login\`.`,
    );
  }
  return trimmed;
}

function readTokenFile(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    return Deno.readTextFileSync(path);
  } catch {
    // Most models need no token. For those that do, the answer of the hub says how to give one.
    return undefined;
  }
}
