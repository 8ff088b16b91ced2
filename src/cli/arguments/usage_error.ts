/** The command line was used in a way it cannot understand. Exit code 2. */
export class UsageError extends Error {
  /** The class name. */
  override name = "UsageError";
}
