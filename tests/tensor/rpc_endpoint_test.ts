import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { NativeError } from "../../src/base/errors.ts";
import {
  formatRpcEndpoint,
  greetRpcServer,
  parseRpcEndpoint,
} from "../../src/tensor/rpc_endpoint.ts";

Deno.test("parseRpcEndpoint() reads a host and a port", () => {
  for (const text of ["127.0.0.1:50052", "gpu-1.example.org:1", "localhost:65535"]) {
    assertEquals(formatRpcEndpoint(parseRpcEndpoint(text)), text);
  }
});

for (
  const text of ["", "host", ":5000", "host:", "host:0", "host:65536", "a b:1", "[::1]:1", "h:1:2"]
) {
  Deno.test(`parseRpcEndpoint() refuses "${text}"`, () => {
    const error = assertThrows(() => parseRpcEndpoint(text), RangeError);
    assert(error.message.includes(`received ${JSON.stringify(text)}. Write for example`));
  });
}

/** Greets a server that does with each connection what `serve` does. */
async function greet(serve: (connection: Deno.TcpConn) => Promise<void>): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const serving = listener.accept().then(async (connection) => {
    using _connection = connection;
    await serve(connection);
  });
  try {
    await greetRpcServer({ hostname: "127.0.0.1", port }, { answerMs: 300 });
  } finally {
    await serving;
  }
}

/** Reads the greeting, and answers with this many bytes of this version. */
function answering(length: number, major: number, minor: number) {
  return async (connection: Deno.TcpConn) => {
    await connection.read(new Uint8Array(64));
    const answer = new Uint8Array(8 + length);
    answer.set([length], 0);
    answer.set([major, minor], 8);
    await connection.write(answer);
  };
}

Deno.test("greetRpcServer() accepts a server of the same version", async () => {
  await greet(answering(28, 7, 0));
});

for (
  const [name, serve, message] of [
    ["an older version", answering(28, 6, 1), "received protocol 6.1 instead of 7.0"],
    ["a newer version", answering(28, 7, 1), "received protocol 7.1 instead of 7.0"],
    ["another program", answering(40, 7, 0), "it is no RPC server of ggml"],
    [
      "one that says nothing",
      (_) => new Promise((done) => setTimeout(done, 400)),
      "did not answer",
    ],
    ["one that hangs up", (_) => Promise.resolve(), "it closed the connection"],
  ] satisfies [string, (connection: Deno.TcpConn) => Promise<void>, string][]
) {
  Deno.test(`greetRpcServer() refuses ${name}`, async () => {
    await assertRejects(() => greet(serve), NativeError, message);
  });
}

Deno.test("greetRpcServer() says that nobody listens, or that there is no such host", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const refused = greetRpcServer({ hostname: "127.0.0.1", port });
  const advice = "`deno task build --rpc-server` makes native/build/rpc-server, and " +
    "`native/build/rpc-server ADDRESS:PORT THREADS` starts it (docs/devices.md)";
  const { message } = await assertRejects(() => refused, NativeError);
  assertStringIncludes(
    message,
    `127.0.0.1:${port}: nobody listens there. On the server's machine, `,
  );
  assertStringIncludes(message, advice);
  const unknown = greetRpcServer({ hostname: "nobody.invalid", port: 1 });
  const { message: text } = await assertRejects(() => unknown, NativeError);
  assertStringIncludes(
    text,
    "Cannot use the server nobody.invalid:1: no machine of that name is known here",
  );
  assertStringIncludes(text, advice);
});
