/**
 * What Deno lets this program do.
 *
 * @module
 */

/** A permission, and whether it was given. */
export interface Permission {
  readonly name: Deno.PermissionName;
  readonly state: "granted" | "for some" | "missing";
  /** What it is needed for. */
  readonly purpose: string;
}

const PURPOSES: readonly (readonly [name: Deno.PermissionName, purpose: string])[] = [
  ["ffi", "to call the native library: nothing works without"],
  ["read", "to open the native library and models: nothing works without"],
  ["env", "to find the caches"],
  ["write", "to keep what was downloaded, and to write models"],
  ["net", "to download models, and the native library of a release"],
  [
    "run",
    "to try out a library that is new here in a child process, and to fetch the prebuilt one",
  ],
  ["sys", "for the name of the processor, in this report alone"],
];

/** All permissions that this program has a use for, without asking for any. */
export function listPermissions(): Permission[] {
  return PURPOSES.map(([name, purpose]) => {
    const status = Deno.permissions.querySync({ name });
    const state = status.state !== "granted" ? "missing" : status.partial ? "for some" : "granted";
    return { name, state, purpose };
  });
}

/** What a start needs, by the place from which its model and library come. */
const NEEDED = { again: ["ffi", "read", "env"], first: ["write", "net", "run"] } as const;

/** What to say of permissions that generating may need and that were not given, as sentences. */
export function permissionAdvice(permissions: readonly Permission[]): string[] {
  const names: readonly string[] = [...NEEDED.again, ...NEEDED.first];
  const missing = permissions.filter(({ name, state }) =>
    state === "missing" && names.includes(name)
  ).map(({ name }) => name);
  if (missing.length === 0) return [];
  return [
    `Deno was started without ${flagsOf(missing)}. Generating needs ${
      flagsOf(NEEDED.again)
    }, and a first ` +
    `start, which fetches the model and the library, ${flagsOf(NEEDED.first)} too.`,
  ];
}

function flagsOf(names: readonly Deno.PermissionName[]): string {
  return names.map((name) => `--allow-${name}`).join(" ");
}

/** Whether files at `path` may be read, without asking. */
export function mayRead(path: string): boolean {
  return Deno.permissions.querySync({ name: "read", path }).state === "granted";
}

/** Whether every function of the system may be called, without asking. */
export function mayCallAll(): boolean {
  const { state, partial } = Deno.permissions.querySync({ name: "ffi" });
  return state === "granted" && !partial;
}
