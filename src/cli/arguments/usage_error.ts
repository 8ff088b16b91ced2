/** What else there is to say about a {@linkcode UsageError}. */
export interface UsageErrorOptions extends ErrorOptions {
  /** The command whose help is meant, if it is another one than that which was called. */
  readonly command?: string;
}

/** The command line was used in a way it cannot understand. Exit code 2. */
export class UsageError extends Error {
  /** The class name. */
  override name = "UsageError";
  /** The command whose help is meant, if it is another one than that which was called. */
  readonly command?: string;

  /** @param options see {@linkcode UsageErrorOptions} */
  constructor(message: string, options: UsageErrorOptions = {}) {
    super(message, options);
    this.command = options.command;
  }
}
