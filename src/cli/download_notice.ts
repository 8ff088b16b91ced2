/**
 * What is said before a model is downloaded, and when it cannot be.
 *
 * @module
 */
import type { ModelProgress } from "../model_store/hub_models.ts";
import { HubError } from "../base/errors.ts";
import { quote } from "../base/describe.ts";
import { readHubSettings } from "../model_store/hub/hub_settings.ts";
import { UnreachableError } from "../model_store/hub/retries.ts";
import type { Output } from "./terminal/io.ts";
import { lineText } from "./terminal/terminal_text.ts";
import { bytesText } from "./terminal/units.ts";

/** The files that are worth a notice. The others of a model are small. */
const WEIGHTS = /\.(safetensors|gguf)$/;

/** Says once, before the weights of a model are downloaded, how large they are and where they go. */
export class DownloadNotice implements AsyncDisposable {
  readonly #name: string;
  readonly #alternative: string | undefined;
  readonly #output: Output;
  #written: Promise<void> | undefined;

  /**
   * @param name the model
   * @param alternative what to write instead of its name, to need no download: `--model demo`
   */
  constructor(name: string, alternative: string | undefined, output: Output) {
    this.#name = name;
    this.#alternative = alternative;
    this.#output = output;
  }

  /** Looks whether it is time to say so. */
  show(progress: ModelProgress): void {
    // The demo model is not of the hub, and smaller than what many pages on the web load.
    const isHeavy = progress.step === "download" && WEIGHTS.test(progress.file) &&
      this.#name !== "demo";
    if (!isHeavy || this.#written !== undefined) return;
    const { endpoint, cacheFolder } = readHubSettings();
    const text = `${this.#name} is not on this machine yet: downloading ${progress.file}, ` +
      `${bytesText(progress.totalBytes)}, from ${endpoint} into ${cacheFolder}, once.`;
    const lines = this.#alternative === undefined
      ? [text]
      : [text, `${this.#alternative} needs no download.`];
    // Nobody may be there to read: no reason to stop.
    this.#written = this.#write(lines.map((line) => lineText(line) + "\n").join("")).catch(
      () => {},
    );
  }

  async #write(text: string): Promise<void> {
    // A progress bar of a small file may stand in this line.
    await this.#output.replaceLine("");
    await this.#output.write(text);
  }

  /** Waits until it is written. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#written;
  }
}

/**
 * The error to show for one that a model ended with: if it is that the hub cannot be asked, one sentence that says what to
 * use instead.
 */
export function withAlternative(name: string, alternative: string, error: unknown): unknown {
  if (!(error instanceof HubError) || name === "demo") return error;
  const { endpoint, offlineVariable } = readHubSettings();
  // Where that variable is set, no request is made, and there is no other error of the hub.
  const reason = offlineVariable !== undefined
    ? `${offlineVariable} is set`
    : error instanceof UnreachableError
    ? `${endpoint} cannot be reached`
    : undefined;
  if (reason === undefined) return error;
  return new HubError(
    `Cannot download ${quote(name)}, which is not on this machine: ${reason}: ` +
      `go online once, or use ${alternative}, which needs no download.`,
    { cause: error },
  );
}
