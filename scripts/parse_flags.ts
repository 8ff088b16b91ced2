/**
 * The flags of scripts.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";

/** What a script can be told. */
export interface FlagNames<S extends string, B extends string> {
  /** Flags with a value. */
  readonly values: readonly S[];
  /** Flags without one. */
  readonly switches?: readonly B[];
  /** How many arguments there may be that are no flags. Default: 0. */
  readonly numArguments?: number;
}

/** What a script was told. */
export interface Flags<S extends string, B extends string> {
  /** The values of the flags that were given. */
  readonly values: { readonly [name in S]?: string };
  readonly switches: { readonly [name in B]: boolean };
  readonly arguments: readonly string[];
}

/** What exits say of arguments that cannot be understood. */
const USAGE_EXIT_CODE = 2;

/** Says what is wrong with the arguments of the script that is running, and ends it. */
export function refuseArguments(problem: string): never {
  const script = Deno.mainModule.slice(Deno.mainModule.lastIndexOf("/") + 1);
  console.error(`Cannot run ${script}: ${problem}.`);
  Deno.exit(USAGE_EXIT_CODE);
}

/**
 * Parses the arguments of a script, strictly: what it does not know is refused. With `--help`, unless the script has a text
 * of its own for that, shows the comment at the top of the script instead, and ends.
 *
 * @param refuse makes the error for arguments that cannot be understood, from what is wrong and which flags there are.
 * Default: says that, and ends
 */
export function parseFlags<S extends string, B extends string>(
  args: readonly string[],
  names: FlagNames<S, B>,
  refuse: (problem: string) => Error = refuseArguments,
): Flags<S, B> {
  const { values, switches = [], numArguments = 0 } = names;
  const known = new Set([
    ...values.map((name) => `--${name} <value>`),
    ...switches.map(flag),
    "--help",
  ]);
  const refusal = (problem: string) => refuse(`${problem}. Its flags are ${[...known].join(", ")}`);
  if (args.includes("--help") && !switches.some((name) => name === "help")) {
    console.log(commentAtTop(Deno.readTextFileSync(new URL(Deno.mainModule))));
    Deno.exit(0);
  }
  const parsed = parseArgs([...args], {
    string: [...values, "_"],
    boolean: switches,
    unknown: (arg) => {
      if (arg.startsWith("-")) throw refusal(`unknown argument: received ${arg}`);
    },
  });
  const rest = parsed._.map(String);
  if (rest.length > numArguments) {
    throw refusal(`unknown argument: received ${rest[numArguments]}`);
  }
  const given = values.filter((name) => parsed[name] !== undefined);
  const empty = given.find((name) => parsed[name] === "");
  if (empty !== undefined) throw refusal(`--${empty} needs a value: received none`);
  return {
    values: Object.fromEntries(given.map((name) => [name, parsed[name]])) as Flags<S, B>["values"],
    switches: Object.fromEntries(switches.map((name) => [name, parsed[name] === true])) as Flags<
      S,
      B
    >["switches"],
    arguments: rest,
  };
}

function flag(name: string): string {
  return `--${name}`;
}

/** The text of the comment with which a module begins. */
export function commentAtTop(source: string): string {
  const [, comment = ""] = source.match(/^\/\*\*\n([^]*?) \*\//) ?? [];
  return comment.replace(/^ \* ?/gm, "").replace("@module", "").trim();
}
