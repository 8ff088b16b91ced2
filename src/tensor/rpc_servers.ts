/**
 * ggml's own servers on other machines, which hold and compute a part of a model each.
 *
 * ggml ends the process when a connection is lost. So each server is greeted before ggml connects to it, and watched from
 * then on; what remains is a loss in the middle of a computation.
 *
 * @module
 */
import { showFields } from "../base/show_fields.ts";
import { texts } from "../base/check_options.ts";
import { describe } from "../base/describe.ts";
import { InvalidArgumentError, NativeLibraryError } from "../base/errors.ts";
import { library } from "../ffi/library.ts";
import { openLibrary } from "../native_library/native_library.ts";
import { cString, type Pointer } from "../ffi/memory.ts";
import { checkKey, KEY, type Key } from "./illegal_constructor.ts";
import {
  connectTo,
  formatRpcEndpoint,
  greetRpcServer,
  parseRpcEndpoint,
  type RpcEndpoint,
  unusable,
  within,
} from "./rpc_endpoint.ts";

/** A device of a server. */
export interface RpcDevice {
  /** ggml's device. */
  readonly device: Pointer;
  /** ggml's backend, connected. The one who uses the servers frees it. */
  readonly backend: Pointer;
}

/** ggml's scheduler takes 16 backends, of which one is the processor. */
const MAX_DEVICES = 15;

/** How long ggml may take to connect to a server that has just answered a greeting. */
const CONNECT_MS = 5000;

const ADD_SERVER = { parameters: ["buffer"], result: "pointer", nonblocking: true } as const;

/**
 * The devices of all servers, in the order of the servers. Who takes them frees them, and nobody can take them twice. For
 * this package: to its users they have no address.
 *
 * @throws {TypeError} if they have been taken, or disposed of
 * @throws {NativeError} if a server is known to be lost
 */
export let takeDevices: (servers: RpcServers) => readonly RpcDevice[];

/** Connected servers. */
export class RpcServers implements Disposable {
  /** Those that nobody has taken. */
  #devices: readonly RpcDevice[];
  readonly #watches: readonly Watch[];

  private constructor(key: Key, devices: readonly RpcDevice[], watches: readonly Watch[]) {
    checkKey(key, "RpcServers");
    this.#devices = devices;
    this.#watches = watches;
  }

  static {
    showFields(RpcServers, (servers) => ({
      endpoints: servers.#watches.map(({ endpoint }) => formatRpcEndpoint(endpoint)),
      isAnyLost: servers.isAnyLost,
    }));
    takeDevices = (servers) => {
      servers.checkConnected();
      const devices = servers.#devices;
      if (devices.length === 0) {
        throw new TypeError(
          "Cannot use servers: they belong to another backend, or have been disposed of. " +
            "Connect to them anew.",
        );
      }
      servers.#devices = [];
      return devices;
    };
  }

  /**
   * Connects to servers, one after another.
   *
   * @param endpoints `host:port` of each
   * @throws {RangeError} if one is not of that form, or occurs twice
   * @throws {NativeLibraryError} if the native library was built without RPC
   * @throws {NativeError} if a server is not there, busy, or of another version
   */
  static async connect(endpoints: readonly string[]): Promise<RpcServers> {
    if (!texts.isType(endpoints)) {
      throw new TypeError(
        `Cannot use servers: they must be ${texts.meaning}: received ${describe(endpoints)}.`,
      );
    }
    const parsed = endpoints.map(parseRpcEndpoint);
    const repeated = endpoints.find((text, i) => endpoints.indexOf(text) < i);
    if (repeated !== undefined || parsed.length === 0) {
      throw new InvalidArgumentError(
        `Cannot use servers: each must be named once: received ${endpoints.join(",") || "none"}`,
      );
    }
    await openLibrary();
    const devices: RpcDevice[] = [];
    const watches: Watch[] = [];
    try {
      for (const endpoint of parsed) {
        await greetRpcServer(endpoint);
        await openDevices(endpoint, devices);
        if (devices.length > MAX_DEVICES) {
          throw new InvalidArgumentError(
            `Cannot use servers: together they may have ${MAX_DEVICES} devices: received more.`,
          );
        }
        watches.push(await Watch.start(endpoint));
      }
    } catch (error) {
      for (const watch of watches) watch.stop();
      for (const { backend } of devices) library().ggml_backend_free(backend);
      throw error;
    }
    return new RpcServers(KEY, devices, watches);
  }

  /** Whether a server is known to be lost. */
  get isAnyLost(): boolean {
    return this.#watches.some(({ isLost }) => isLost);
  }

  /**
   * Throws if a server is lost.
   *
   * @throws {NativeError}
   */
  checkConnected(): void {
    const lost = this.#watches.find(({ isLost }) => isLost);
    if (lost === undefined) return;
    throw unusable(
      lost.endpoint,
      "the connection is lost, and with it a part of the model: load it again",
    );
  }

  /** Ends the connections, unless they belong to a backend. A second call does nothing. */
  [Symbol.dispose](): void {
    const devices = this.#devices;
    this.#devices = [];
    if (!this.isAnyLost) {
      for (const { backend } of devices) library().ggml_backend_free(backend);
    }
    for (const watch of this.#watches) watch.stop();
  }
}

/**
 * A second connection to a server, on which nothing is ever sent. ggml serves one connection at a time, so this one waits
 * for its turn; the system closes it when the server ends.
 */
class Watch {
  isLost = false;
  readonly endpoint: RpcEndpoint;
  readonly #connection: Deno.TcpConn;
  #isStopped = false;

  private constructor(endpoint: RpcEndpoint, connection: Deno.TcpConn) {
    this.endpoint = endpoint;
    this.#connection = connection;
    connection.setKeepAlive(true);
    // The process may end while it waits.
    connection.unref();
    const lose = () => void (this.isLost = !this.#isStopped);
    connection.read(new Uint8Array(1)).then(lose, lose);
  }

  static async start(endpoint: RpcEndpoint): Promise<Watch> {
    return new Watch(endpoint, await connectTo(endpoint));
  }

  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#connection.close();
  }
}

/**
 * Lets ggml connect, on another thread: another program may have come first in the meantime.
 *
 * @param opened gets the devices, one by one: also those before one that cannot be opened
 */
async function openDevices(endpoint: RpcEndpoint, opened: RpcDevice[]): Promise<void> {
  const ggml = library();
  const late = () => unusable(endpoint, "another program has connected to it: end that one");
  const registry = await within(CONNECT_MS, addServer(formatRpcEndpoint(endpoint)));
  if (registry === "timeout") throw late();
  const count = registry === null ? 0n : ggml.ggml_backend_reg_dev_count(registry);
  if (count === 0n) throw unusable(endpoint, "it has no device");
  for (let i = 0n; i < count; i++) {
    const device = ggml.ggml_backend_reg_dev_get(registry, i)!;
    const opening = ggml.ggml_backend_dev_init_async_call(device, null);
    const backend = await within(CONNECT_MS, opening);
    if (backend === "timeout") {
      opening.then((backend) => backend && ggml.ggml_backend_free(backend));
      throw late();
    }
    if (backend === null) throw unusable(endpoint, "its device does not start");
    opened.push({ device, backend });
  }
}

/** `ggml_backend_rpc_add_server`, which a native library may have been built without. */
function addServer(endpoint: string): Promise<Deno.PointerValue> {
  const ggml = library();
  const registry = ggml.ggml_backend_reg_by_name(cString("RPC"));
  const address = registry &&
    ggml.ggml_backend_reg_get_proc_address(registry, cString("ggml_backend_rpc_add_server"));
  if (address === null) {
    throw new NativeLibraryError(
      "Cannot use servers: the native library was built without RPC. " +
        "In a clone of the repository, deno task build makes one with it.",
    );
  }
  const add = new Deno.UnsafeFnPointer(
    address as Deno.PointerObject<typeof ADD_SERVER>,
    ADD_SERVER,
  );
  return add.call(cString(endpoint));
}
