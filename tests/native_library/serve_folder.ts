/** A web server on loopback, for as long as it is in use. */
export interface FolderServer extends AsyncDisposable {
  /** `http://127.0.0.1:8000`, without a slash at its end. */
  readonly address: string;
}

/**
 * Serves the files of a folder.
 *
 * @param override what to answer instead for some paths, which begin with a slash
 */
export function serveFolder(
  folder: string,
  override: (path: string) => Response | undefined = () => undefined,
): FolderServer {
  const onListen = () => {};
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen }, async (request) => {
    const { pathname } = new URL(request.url);
    const response = override(pathname);
    if (response !== undefined) return response;
    try {
      const type = pathname.endsWith(".ts") ? "application/typescript" : "application/json";
      const bytes = await Deno.readFile(folder + pathname);
      return new Response(bytes, { headers: { "content-type": type } });
    } catch {
      return new Response("There is no such file.", { status: 404 });
    }
  });
  return {
    address: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
