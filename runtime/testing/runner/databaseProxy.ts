import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A TCP proxy in front of Postgres, with which a test simulates a failover. */
export interface DatabaseProxy {
  port: number;
  /** Closes all connections and refuses new ones. Resolves when a client has been refused. */
  fail(): Promise<void>;
  /** Accepts connections again. */
  recover(): void;
  close(): Promise<void>;
}

/** Starts a proxy that forwards connections to `port` of 127.0.0.1. */
export async function databaseProxy(port: number): Promise<DatabaseProxy> {
  const sockets = new Set<Socket>();
  let onRefused: (() => void) | undefined;
  const server = createServer((client) => {
    if (onRefused) {
      client.destroy();
      onRefused();
      return;
    }
    const upstream = connect(port, "127.0.0.1");
    for (const [source, destination] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(source);
      source.on("error", () => destination.destroy());
      source.on("close", () => {
        sockets.delete(source);
        destination.destroy();
      });
      source.pipe(destination);
    }
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    port: (server.address() as AddressInfo).port,
    fail: () =>
      new Promise((resolve) => {
        onRefused = resolve;
        for (const socket of sockets) socket.destroy();
      }),
    recover() {
      onRefused = undefined;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
