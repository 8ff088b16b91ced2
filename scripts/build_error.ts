/** An error to be shown as its message alone, after which the program exits with `exitCode`. */
export class BuildError extends Error {
  override name = "BuildError";

  constructor(message: string, readonly exitCode: number, options?: ErrorOptions) {
    super(message, options);
  }
}

/** The exit codes in use here: what is missing or wrong on the machine, and what did not arrive. */
export const exitCodes = { usage: 2, unavailable: 69, internal: 70, environment: 78 } as const;
