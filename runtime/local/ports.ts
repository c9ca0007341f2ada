import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";

/** A TCP port on `host` that nobody listened on a moment ago. Somebody may have taken it by the time it is used. */
export async function freePort(host = "127.0.0.1"): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Whether `port` can be listened on at `host`; otherwise the system's reason (EADDRINUSE, EACCES, …). */
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
