/**
 * The errors a caller may want to catch apart. Everything else uses JavaScript's own classes: `TypeError` for a wrong
 * type or shape, `RangeError` for a value out of range, `SyntaxError` for text that does not parse,
 * `Deno.errors.NotFound` and its siblings for the file system, and `DOMException` named `AbortError` for a cancelled call.
 *
 * Every message has one form: `Cannot <do what>: <what is wrong>: received <value>`, then what to do about it.
 *
 * @module
 */

/** A file (GGUF, safetensors, config.json, tokenizer, ...) whose contents are damaged, hostile or not supported. Exit code 65. */
export class FileFormatError extends Error {
  /** The class name, as it appears in front of the message. */
  override name = "FileFormatError";
  /** The path of the file, where it came from one. */
  readonly path?: string;

  /** An error about the file at `options.path`; the message has the form given above. */
  constructor(message: string, options?: ErrorOptions & { path?: string }) {
    super(message, options);
    this.path = options?.path;
  }
}

/** A file could not be read or written: the disk is full, the folder is read-only. A target is as it was before. Exit code 74. */
export class StorageError extends Error {
  /** The class name, as it appears in front of the message. */
  override name = "StorageError";
}

/** The native library is missing, damaged, of another version, or cannot run on this machine. Exit code 78. */
export class NativeLibraryError extends Error {
  /** The class name, as it appears in front of the message. */
  override name = "NativeLibraryError";
}

/** ggml refused or failed something that the checks in TypeScript let through. Exit code 70. */
export class NativeError extends Error {
  /** The class name, as it appears in front of the message. */
  override name = "NativeError";
}

/**
 * ggml got less memory than it needs. It tells this from other errors of ggml: it may be had later, as with
 * {@linkcode NotEnoughMemoryError}, which is thrown where that is known before. Exit code 2.
 */
export class OutOfMemoryError extends NativeError {}

/** The model computed something that is not a number; no token can be drawn from it. Exit code 70. */
export class NumericalError extends Error {
  /** The class name, as it appears in front of the message. */
  override name = "NumericalError";
}

/**
 * The model hub (for the demo model, the server that this package came from) refused, failed, or sent something else than
 * it promised; or it may not be asked. What there is no such thing of is `Deno.errors.NotFound` instead. Exit code 69, or
 * 77 if `status` says that the caller is not allowed.
 */
export class HubError extends Error {
  /** The class name, as it appears in front of the message. */
  override name = "HubError";
  /** The status of the answer, where there was one: 401 and 403 ask for a token, or for one that may do this. */
  readonly status?: number;

  /** An error of the hub; the message has the form given above. */
  constructor(message: string, options?: ErrorOptions & { status?: number }) {
    super(message, options);
    this.status = options?.status;
  }
}

/**
 * A value that was handed in is out of its range. To those who catch it it is a `RangeError`; the class tells it from
 * JavaScript's own, which are about the program: here it was asked for something that cannot be. Exit code 2.
 */
export class InvalidArgumentError extends RangeError {}

/**
 * What was asked for takes more memory than there is. It tells this from other values that are out of their range: it may be
 * had later, or from another machine, so a server's requests are not to blame for it.
 */
export class NotEnoughMemoryError extends InvalidArgumentError {}

/**
 * Something was used that had been disposed of. To those who catch it it is a `TypeError`; the class tells it from what is
 * wrong with an argument: a server's requests are not to blame for it.
 */
export class DisposedError extends TypeError {
  /**
   * @param action what cannot be done: `use the model`
   * @param what has been disposed of, where `action` does not say it
   */
  constructor(action: string, what = "it") {
    super(
      `Cannot ${action}: ${what} has been disposed of. Dispose of it when it is used no more; ` +
        "`using` does so where its block ends.",
    );
  }
}
