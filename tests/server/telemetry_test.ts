// OpenTelemetry is Deno's own, and begins with the process: so it is tried in one of its own.

import { assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";

const MOD = fileURLToPath(new URL("../../mod.ts", import.meta.url));

/** What a server tells of a request to an exporter that writes to its output. */
async function spansOf(body: unknown): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", MOD, "serve", "--model", "demo", "--port", "0", "--json"],
    env: { OTEL_DENO: "true", OTEL_EXPORTER_OTLP_PROTOCOL: "console", NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stderr = new Response(child.stderr).text();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { url } = JSON.parse((await reader.read()).value!);
  const headers = { "content-type": "application/json" };
  const request = { method: "POST", headers, body: JSON.stringify(body) };
  await (await fetch(`${url}/v1/completions`, request)).body?.cancel();
  child.kill("SIGTERM");
  let stdout = "";
  for (let part; !(part = await reader.read()).done;) stdout += part.value;
  assertEquals((await child.status).code, 0);
  return stdout + await stderr;
}

Deno.test({
  name: "a request has a span with its tokens, within Deno's own",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const spans = await spansOf({ prompt: "ROMEO:", max_tokens: 8, ignore_eos: true });
    const [, id] = /SPAN POST \[(\w+)\//.exec(spans)!;
    assertMatch(spans, new RegExp(`SPAN text_completion \\[${id}/`));
    for (
      const [name, value] of [
        ["operation.name", "text_completion"],
        ["request.model", "demo"],
        ["usage.input_tokens", 2],
        ["usage.output_tokens", 8],
        ["usage.cached_input_tokens", 0],
      ]
    ) assertMatch(spans, new RegExp(`^ *gen_ai\\.${name}: ${value}$`, "m"));
  },
});
