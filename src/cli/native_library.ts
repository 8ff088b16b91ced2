/**
 * The native library, from the command line: what takes long the first time is told on stderr.
 *
 * @module
 */
import type { DeviceName } from "../native_library/device_name.ts";
import { type Library, openLibrary } from "../native_library/native_library.ts";
import type { Io, Output } from "./terminal/io.ts";
import { lineText } from "./terminal/terminal_text.ts";

const MAX_NOTICE_CHARACTERS = 2000;

/**
 * Opens the native library, ahead of work during which nothing else should be written.
 *
 * @param device what is to be computed on
 * @throws {NativeLibraryError} if there is none that can be used
 */
export async function openLibraryShowing(
  { stderr, signal }: Pick<Io, "stderr" | "signal">,
  device: DeviceName = "cpu",
): Promise<Library> {
  let notices = Promise.resolve();
  try {
    return await openLibrary({
      device,
      onProgress: (progress) => notices = notices.then(() => showNotice(stderr, progress)),
      signal,
    });
  } finally {
    await notices;
  }
}

/** Writes what is about to take long, or what there is to know. */
export async function showNotice(
  output: Output,
  { text }: { readonly text: string },
): Promise<void> {
  await output.write(`${lineText(text, MAX_NOTICE_CHARACTERS)}\n`).catch(() => {}); // Nobody may be there to see it.
}
