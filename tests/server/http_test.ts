/** What clients that are broken or hostile do to a server. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { ApiError } from "../../src/server/api_error.ts";
import { Bodies } from "../../src/server/bodies.ts";
import { BODY_GRACE_MS, MAX_OTHER_REQUESTS } from "../../src/server/limits.ts";
import { readJsonBody } from "../../src/server/read_body.ts";
import { complete, get, post, serving } from "./serving.ts";

const LONG = { prompt: "ROMEO:", max_tokens: 250, ignore_eos: true };
/** How long the server may take to begin or to end a text, beside other programs too. */
const PATIENCE_MS = 60_000;

async function withServer(
  action: (port: number, numRunning: () => number) => Promise<void>,
): Promise<void> {
  using handler = serving({ maxTexts: 4 });
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => handler(request),
  );
  try {
    await action(server.addr.port, () => handler.numRunning);
    await until(() => handler.numRunning === 0);
    assertEquals(handler.numRunning, 0);
    // Whatever happened, the next one is answered.
    assertEquals((await handler(get("/health"))).status, 200);
    assertEquals((await complete(handler, { prompt: "a", max_tokens: 1 })).choices.length, 1);
  } finally {
    await server.shutdown();
  }
}

/** Waits until something holds, for a minute at most. */
async function until(holds: () => boolean): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!holds() && performance.now() < end) await new Promise((done) => setTimeout(done, 1));
}

/** Sends bytes, and gives what comes back before the connection ends. */
async function send(port: number, text: string): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(text));
  await connection.closeWrite();
  return await new Response(connection.readable).text().catch(() => "");
}

Deno.test("garbage, and requests that are cut off, are survived", async () => {
  await withServer(async (port) => {
    const head = "POST /v1/completions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n";
    for (
      const text of [
        "\x00\xff\x01 nonsense\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "POST /v1/compl",
        head,
        `${head}content-length: 100\r\n\r\n{"prompt"`,
        `${head}content-length: -1\r\n\r\n{}`,
        `${head}transfer-encoding: chunked\r\n\r\n5\r\n{"pro\r\nzz\r\n`,
      ]
    ) assertMatch(await send(port, text), /^(HTTP\/1\.1 400 .*)?$/s);
    const large = `${head}x-large: ${"a".repeat(500_000)}\r\n\r\n`;
    assertMatch(await send(port, large), /^(HTTP\/1\.1 4\d\d .*)?$/s);
    const many = `${head}${"x: y\r\n".repeat(300)}\r\n`;
    assertMatch(await send(port, many), /^(HTTP\/1\.1 4\d\d .*)?$/s);
  });
});

Deno.test("clients that vanish free their places", async () => {
  await withServer(async (port, numRunning) => {
    const address = `http://127.0.0.1:${port}`;
    const url = `${address}/v1/completions`;
    for (const [i, stream] of [true, false].entries()) {
      const gone = new AbortController();
      const { method, headers } = post("/", {});
      const body = JSON.stringify({ ...LONG, n: 4, stream });
      const response = fetch(url, { method, headers, body, signal: gone.signal });
      if (stream) await response;
      await until(() => numRunning() > 0);
      assert(numRunning() > 0, "the texts have begun");
      gone.abort();
      await response.then((response) => response.text()).catch(() => {});
      await until(() => numRunning() === 0);
      assertEquals(numRunning(), 0);
      // They were not written to their ends.
      const metrics = await (await fetch(`${address}/metrics`)).text();
      assertMatch(metrics, new RegExp(`^gpt2_cancel_seconds_count ${i + 1}$`, "m"));
    }
  });
});

Deno.test("an address with a path to a file is nothing but an address", async () => {
  await withServer(async (port) => {
    for (
      const path of ["/../../../etc/passwd", "/v1/models/..%2f..%2fetc%2fpasswd", "//etc/passwd"]
    ) {
      const answer = await send(
        port,
        `GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`,
      );
      assertMatch(answer, /^HTTP\/1\.1 404 /);
      assert(!answer.includes("root:"));
    }
  });
});

/** A request whose body comes in parts, and then not any more. */
function slowly(parts: readonly string[], headers: HeadersInit = {}): Request {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const part of parts) controller.enqueue(new TextEncoder().encode(part));
    },
  });
  return post("/v1/completions", {}, { body, headers });
}

Deno.test("readJsonBody() gives up on a body that is too slow, or too large", async () => {
  const slow = await assertRejects(
    () => readJsonBody(slowly(["{", '"']), { timeoutMs: 1 }),
    ApiError,
  );
  assertEquals(slow.status, 408);
  const idle = await assertRejects(() => readJsonBody(slowly(["{"]), { idleMs: 1 }), ApiError);
  assertEquals([idle.status, idle.message], [
    408,
    "Nothing more of the body has arrived within 0.001 s.",
  ]);
  const parts = ["[", ...new Array(20).fill('"0123456789",')];
  const large = await assertRejects(() => readJsonBody(slowly(parts), { maxBytes: 100 }), ApiError);
  assertEquals(large.status, 413);
  const named = slowly([], { "content-length": "101" });
  assertEquals(
    (await assertRejects(() => readJsonBody(named, { maxBytes: 100 }), ApiError)).status,
    413,
  );
  const lying = slowly(parts, { "content-length": "5" });
  assertEquals(
    (await assertRejects(() => readJsonBody(lying, { maxBytes: 100 }), ApiError)).status,
    413,
  );
});

/** A request whose body is half sent. */
function halfSent(): Request {
  return slowly(['{"prompt": "']);
}

Deno.test("where half-sent bodies have all places, a new request gets that of the slowest", async () => {
  using handler = serving({ maxTexts: 1, maxWaiting: 0 });
  const answers: Promise<Response>[] = [];
  while (handler.numRunning < 1 + MAX_OTHER_REQUESTS) answers.push(handler(halfSent()));
  assertEquals((await handler(get("/health"))).status, 503, "they have just begun");
  let response = await handler(get("/health"));
  while (response.status === 503) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    response = await handler(get("/health"));
  }
  assertEquals(response.status, 200);
  assertEquals((await answers[0]).status, 408);
  await handler.drain(0);
  for (const answer of answers.slice(1)) assert([408, 503].includes((await answer).status));
});

Deno.test("Bodies end what has been on its way for the longest, and nothing that has just begun", () => {
  const bodies = new Bodies();
  const ended: number[] = [];
  using _first = bodies.add(() => ended.push(1), 0);
  const second = bodies.add(() => ended.push(2), 10);
  using _third = bodies.add(() => ended.push(3), 20);
  assertEquals(bodies.endSlowest(BODY_GRACE_MS - 1), false);
  assertEquals(bodies.endSlowest(BODY_GRACE_MS), true);
  second[Symbol.dispose](); // It has arrived.
  assertEquals(bodies.endSlowest(BODY_GRACE_MS + 19), false);
  assertEquals(bodies.endSlowest(BODY_GRACE_MS + 20), true);
  assertEquals(bodies.endSlowest(Infinity), false);
  assertEquals(ended, [1, 3]);
});
