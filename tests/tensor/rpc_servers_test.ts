// What is left of a connection that does not come about. No server computes here: ggml is played by a few functions.

import { assertEquals, assertRejects } from "@std/assert";
import { NativeError } from "../../src/base/errors.ts";
import { type Library, useLibrary } from "../../src/ffi/library.ts";
import { RpcServers } from "../../src/tensor/rpc_servers.ts";

const pointer = (address: bigint) => Deno.UnsafePointer.create(address);
const address = (value: Deno.PointerValue) => Deno.UnsafePointer.value(value);

/** The backends of the two devices of a server. */
const FIRST = 0x1000n;
const SECOND = 0x2000n;

/** What becomes of the second one. */
let openSecond: () => Promise<Deno.PointerValue>;
const freed: bigint[] = [];

const addServer = new Deno.UnsafeCallback(
  { parameters: ["buffer"], result: "pointer" },
  () => pointer(0x30n),
);

const ggml = {
  ggml_backend_reg_by_name: () => pointer(0x10n),
  ggml_backend_reg_get_proc_address: () => addServer.pointer,
  ggml_backend_reg_dev_count: () => 2n,
  ggml_backend_reg_dev_get: (_registry: Deno.PointerValue, i: bigint) => pointer(0x100n + i),
  ggml_backend_dev_init_async_call: (device: Deno.PointerValue) =>
    address(device) === 0x100n ? Promise.resolve(pointer(FIRST)) : openSecond(),
  ggml_backend_free: (backend: Deno.PointerValue) => void freed.push(address(backend)),
};
useLibrary(ggml as unknown as Library);

/** Connects to a server that answers a greeting. */
async function connect(): Promise<void> {
  freed.length = 0;
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answering = listener.accept().then(async (connection) => {
    using _connection = connection;
    await connection.read(new Uint8Array(64));
    const answer = new Uint8Array(8 + 28);
    answer.set([28, 0, 0, 0, 0, 0, 0, 0, 7, 0]);
    await connection.write(answer);
  });
  try {
    using _servers = await RpcServers.connect([`127.0.0.1:${listener.addr.port}`]);
  } finally {
    await answering;
  }
}

/** Has whatever is begun in this turn of the event loop take too long. */
function skipTimeouts(): void {
  const { setTimeout } = globalThis;
  globalThis.setTimeout = ((then: () => void) => setTimeout(then, 0)) as typeof setTimeout;
  queueMicrotask(() => globalThis.setTimeout = setTimeout);
}

Deno.test("RpcServers.connect() frees the devices before one that does not start", async () => {
  openSecond = () => Promise.resolve(null);
  await assertRejects(connect, NativeError, "its device does not start");
  assertEquals(freed, [FIRST]);
});

Deno.test("RpcServers.connect() frees a device that starts too late, and those before it", async () => {
  const { promise, resolve } = Promise.withResolvers<Deno.PointerValue>();
  openSecond = () => {
    skipTimeouts();
    return promise;
  };
  await assertRejects(connect, NativeError, "another program has connected to it");
  assertEquals(freed, [FIRST]);
  resolve(pointer(SECOND));
  await promise;
  assertEquals(freed, [FIRST, SECOND]);
});

Deno.test("RpcServers frees all devices when it is disposed of", async () => {
  openSecond = () => Promise.resolve(pointer(SECOND));
  await connect();
  assertEquals(freed, [FIRST, SECOND]);
});
