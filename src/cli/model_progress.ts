/**
 * Shows how far a model is from being ready.
 *
 * @module
 */
import type { FileType } from "../checkpoint/file_types.ts";
import type { ModelProgress } from "../model_store/hub_models.ts";
import { resolveModel } from "../model_store/resolve_model.ts";
import { readHubSettings } from "../model_store/hub/hub_settings.ts";
import { DownloadNotice, withAlternative } from "./download_notice.ts";
import type { Io, Output } from "./terminal/io.ts";
import { showNotice } from "./native_library.ts";
import { throughRun } from "./run_result.ts";
import { ByteProgressBar } from "./terminal/byte_progress_bar.ts";

/** A bar for each file that is downloaded, and one for the conversion. Dispose it to take the line away. */
export class ModelProgressBar implements AsyncDisposable {
  readonly #output: Output;
  #isHidden?: boolean;
  #notices: Promise<void> = Promise.resolve();
  #label = "";
  #bar?: ByteProgressBar;

  /** Shows nothing yet. */
  constructor(output: Output) {
    this.#output = output;
  }

  /** Shows how far it is. */
  show(progress: ModelProgress): void {
    if (progress.step === "library" || progress.step === "notice") {
      this.#notices = this.#notices.then(async () => {
        await this.#bar?.clear(); // It may stand in this line.
        await showNotice(this.#output, progress);
      });
      return;
    }
    // Read only now: most models are here, and on a terminal Deno asks for each variable that may not be read.
    this.#isHidden ??= readHubSettings().hidesProgress;
    if (this.#isHidden) return;
    const { totalBytes } = progress;
    const doneBytes = progress.step === "download" ? progress.receivedBytes : progress.writtenBytes;
    const label = progress.step === "download" ? `Downloading ${progress.file}` : "Converting";
    if (label !== this.#label) this.#bar = new ByteProgressBar(this.#output, label);
    this.#label = label;
    this.#bar!.show(doneBytes, totalBytes);
  }

  /** Takes the line away. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#bar?.clear();
    await this.#notices;
  }
}

/** How to show how far a model is. */
export interface ShowOptions {
  /** What to write instead of the model's name, to need no download: `--model demo`. */
  readonly alternative?: string;
  /** Whether to show nothing. */
  readonly isQuiet?: boolean;
}

/**
 * Does what may take a download: says so before, shows how far it is, and if that cannot be, says what can.
 *
 * @param name the model
 * @param load is given what to call with the progress
 */
export async function showingProgress<T>(
  name: string,
  stderr: Output,
  { alternative, isQuiet = false }: ShowOptions,
  load: (onProgress?: (progress: ModelProgress) => void) => Promise<T>,
): Promise<T> {
  await using notice = new DownloadNotice(name, alternative, stderr);
  await using bar = new ModelProgressBar(stderr);
  const onProgress = (progress: ModelProgress) => {
    notice.show(progress);
    bar.show(progress);
  };
  try {
    return await load(isQuiet ? undefined : onProgress);
  } catch (error) {
    throw alternative === undefined ? error : withAlternative(name, alternative, error);
  }
}

/** The path of a model; says and shows it if that takes a download. */
export async function resolveModelShowing(
  given: string,
  { stderr, signal }: Io,
  { type, ...options }: ShowOptions & { type?: FileType | "original" } = {},
): Promise<string> {
  const name = await throughRun(given, { stderr, isQuiet: options.isQuiet });
  return await showingProgress(
    name,
    stderr,
    options,
    (onProgress) => resolveModel(name, { type, signal, onProgress }),
  );
}
