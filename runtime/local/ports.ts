import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";

/** Returns a TCP port on `host` that was free a moment ago; another process may take it before it is used. */
export async function freePort(host = "127.0.0.1"): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Returns undefined if `port` is free at `host`, otherwise the system's error code (EADDRINUSE, EACCES, …). */
export async function portProblem(port: number, host = "127.0.0.1"): Promise<string | undefined> {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, "listening");
    server.close();
    await once(server, "close");
    return undefined;
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}
