/** The options of `parseArgs` this project uses; the full type is on jsr.io. */
export interface ParseOptions {
  boolean?: readonly string[];
  string?: readonly string[];
  collect?: readonly string[];
  negatable?: readonly string[];
  alias?: Record<string, string | readonly string[]>;
  default?: Record<string, unknown>;
  stopEarly?: boolean;
  "--"?: boolean;
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

export declare function parseArgs(
  args: readonly string[],
  options?: ParseOptions,
): { _: (string | number)[]; "--"?: string[] } & Record<string, unknown>;
