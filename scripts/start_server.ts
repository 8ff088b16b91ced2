/**
 * The server as a process, as its users start it.
 *
 * @module
 */

/** Starts `serve` on a free port, and gives its address once it listens. The caller ends it. */
export async function startServer(
  flags: readonly string[],
  { stderr = "inherit" }: Pick<Deno.CommandOptions, "stderr"> = {},
): Promise<{ child: Deno.ChildProcess; url: string }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "mod.ts", "serve", "--port", "0", ...flags],
    cwd: new URL("../", import.meta.url),
    stdin: "null",
    stdout: "piped",
    stderr,
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value } = await reader.read();
  if (value === undefined) throw new Error("the server did not start");
  return { child, url: value.trim() };
}
