/** What a client calls the server makes no difference to what it gets. */
import { assertEquals, assertMatch } from "@std/assert";
import { get, serving } from "./serving.ts";
import type { RequestRecord } from "../../src/server/request_record.ts";

/** A request as Deno gives it: with a header `host` before the target as it is. */
function requestTo(host: string, target: string, method = "GET"): Request {
  const request = new Request("http://localhost", { method });
  Object.defineProperty(request, "url", { value: `http://${host}${target}` });
  Object.defineProperty(request, "headers", { value: new Headers({ host }) });
  return request;
}

Deno.test("a host that is no name is refused, whatever it looks like, and logged with the path", async () => {
  const records: RequestRecord[] = [];
  const errors: unknown[] = [];
  using handler = serving({
    onRequest: (record) => void records.push(record),
    onError: (error) => void errors.push(error),
  });
  const hosts = [
    "a b",
    "x/health",
    "x/health?",
    "x#",
    "x\\health",
    "user@x",
    "x:y",
    "[::1",
    "x,y",
    "%",
  ];
  for (const host of hosts) {
    const response = await handler(requestTo(host, "/v1/models?key=secret"));
    assertEquals(response.status, 400, host);
    const { error } = await response.json();
    assertMatch(error.message, /^The header host must be a name or an address/);
    assertEquals(error.type, "invalid_request_error");
  }
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(
    records.map(({ path, status }) => [path, status]),
    hosts.map(() => ["/v1/models", 400]),
  );
  assertEquals(errors, []);
});

Deno.test("the target alone says which route it is", async () => {
  using handler = serving();
  for (const host of ["a", "A.b-c_d", "127.0.0.1:8080", "[::1]:80", "x:", "1.2.3.999", "x:99999"]) {
    const status = async (target: string) => (await handler(requestTo(host, target))).status;
    assertEquals(await status("/health"), 200, host);
    assertEquals(await status("/health?/nowhere#/nowhere"), 200);
    assertEquals(await status("/nowhere?/health"), 404);
    assertEquals(await status("//health"), 404);
    assertEquals(await status("/nowhere/../health"), 200);
    assertEquals(await status(""), 200);
  }
});

Deno.test("a server survives a host that is no name, over the wire", async () => {
  const records: RequestRecord[] = [];
  using handler = serving({ onRequest: (record) => void records.push(record) });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (r) => handler(r));
  const send = async (target: string, host: string) => {
    const { hostname, port } = server.addr;
    using connection = await Deno.connect({ hostname, port });
    const head = `GET ${target} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`;
    await connection.write(new TextEncoder().encode(head));
    return await new Response(connection.readable).text();
  };
  try {
    for (const host of ["a b", "x/health?", "x#", "é"]) {
      assertMatch(await send("/v1/models", host), /^HTTP\/1\.1 400 /, host);
    }
    assertMatch(await send("http://other/health", "x"), /^HTTP\/1\.1 200 /);
    assertMatch(await send("/health", ""), /^HTTP\/1\.1 200 /);
    assertEquals(records.map(({ status }) => status), [400, 400, 400, 400, 200, 200]);
  } finally {
    await server.shutdown();
  }
});

Deno.test("OPTIONS and 405 list what a route takes, and count as that route's", async () => {
  using handler = serving();
  const allowed = async (method: string, path: string) => {
    const response = await handler(get(path, { method }));
    return [response.status, response.headers.get("allow")];
  };
  assertEquals(await allowed("OPTIONS", "/v1/completions"), [204, "POST, OPTIONS"]);
  assertEquals(await allowed("OPTIONS", "/health"), [204, "GET, HEAD, OPTIONS"]);
  assertEquals(await allowed("OPTIONS", "/*"), [204, "GET, HEAD, POST, OPTIONS"]);
  assertEquals(await allowed("OPTIONS", "/nope"), [404, null]);
  assertEquals(await allowed("DELETE", "/v1/models"), [405, "GET, HEAD, OPTIONS"]);
  assertEquals(await allowed("GET", "/v1/score"), [405, "POST, OPTIONS"]);
  const metrics = await (await handler(get("/metrics"))).text();
  const counts = metrics.split("\n").filter((line) => line.startsWith("gpt2_requests_total"));
  for (
    const labels of [
      'endpoint="/v1/models",status="405"',
      'endpoint="/v1/score",status="405"',
      'endpoint="/health",status="204"',
    ]
  ) assertEquals(counts.filter((line) => line.includes(`{${labels}} 1`)).length, 1, labels);
  assertEquals(counts.filter((line) => line.includes("unknown")).length, 2);
});

Deno.test("what there is at a wrong address does not lead to what is always refused", async () => {
  using handler = serving();
  const { error } = await (await handler(get("/nope"))).json();
  assertMatch(error.message, /\/v1\/completions, .*\/health/);
  assertEquals(error.message.includes("chat"), false);
});
