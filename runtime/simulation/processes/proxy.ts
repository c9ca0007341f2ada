import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const HOST = "127.0.0.1";

/** Outcome of a call to SQS or S3. */
export type CallOutcome = "go" | "fail before" | "fail after" | "throttle";

/** A proxy between the platform and its SQS and S3. */
export interface CallProxy {
  port: number;
  /** Decides the outcome of every call. */
  outcome: () => CallOutcome;
  close(): Promise<void>;
}

/** Throttling errors of SQS and S3. */
const THROTTLES = {
  sqs: {
    status: 400,
    type: "application/x-amz-json-1.0",
    body: JSON.stringify({ __type: "com.amazonaws.sqs#RequestThrottled", message: "Rate exceeded" }),
  },
  s3: {
    status: 503,
    type: "application/xml",
    body: "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>",
  },
};

/**
 * Forwards every call to the emulator, unless its outcome is a fault: the connection breaks before or after the call
 * takes effect, or the call is throttled. Requests keep their signatures: the emulator accepts a queue's URL with any
 * port.
 *
 * @param emulatorPort - Port of the emulator.
 */
export async function startProxy(emulatorPort: number): Promise<CallProxy> {
  const server = createServer((incoming, outgoing) => {
    forward(incoming, outgoing).catch(() => incoming.socket.destroy());
  });
  server.keepAliveTimeout = 60_000;
  await once(server.listen(0, HOST), "listening");
  const { port } = server.address() as AddressInfo;
  const proxy: CallProxy = {
    port,
    outcome: () => "go",
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };

  async function forward(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const isSqs = incoming.headers["x-amz-target"] !== undefined;
    const body = Buffer.concat(await incoming.toArray());
    const outcome = proxy.outcome();
    if (outcome === "fail before") return void incoming.socket.destroy();
    if (outcome === "throttle") {
      const { status, type, body } = THROTTLES[isSqs ? "sqs" : "s3"];
      outgoing.writeHead(status, { "content-type": type }).end(body);
      return;
    }
    const call = request({
      host: HOST,
      port: emulatorPort,
      method: incoming.method,
      path: incoming.url,
      headers: { ...incoming.headers, "content-length": body.length },
    });
    // If the caller disconnects (end of a long poll, killed process), the forwarded call ends too.
    outgoing.once("close", () => call.destroy());
    call.end(body);
    const [response] = (await once(call, "response")) as [IncomingMessage];
    const content = Buffer.concat(await response.toArray());
    if (outcome === "fail after") return void incoming.socket.destroy();
    const { "transfer-encoding": _, ...headers } = response.headers;
    const length = incoming.method === "HEAD" ? {} : { "content-length": content.length };
    outgoing.writeHead(response.statusCode ?? 500, { ...headers, ...length }).end(content);
  }
  return proxy;
}
