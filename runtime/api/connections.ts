import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { ERRORS, JobError } from "../contract/errors.ts";
import { HEADER_BYTES, PROBLEM_TYPE, problemJson, RETRY_AFTER_SECONDS } from "./problem.ts";
import { CHECK_SECONDS, HEADERS_SECONDS, IDLE_SECONDS, KEEP_ALIVE_SECONDS, REQUEST_SECONDS } from "./timeouts.ts";

/** Maximum number of queued requests per connection. Clients that pipeline send only a few. */
export const MAX_PIPELINED = 100;
/** Number of requests beyond the queue that are read and dropped before the connection is closed. */
const MAX_DROPPED = 1_000;
/** Number of requests after which a connection is closed, so that long-lived clients spread over new servers. */
const MAX_REQUESTS = 100_000;
/** Number of connections accepted beyond the maximum, to return 503 and serve health checks. */
const RESERVED_CONNECTIONS = 50;
/** Paths that are served on reserved connections, so that a full server still passes its health check. */
const HEALTH_PATHS = new Set(["/healthz", "/readyz"]);

interface Connection {
  readonly socket: Socket;
  /** True for a connection that was accepted beyond the maximum. */
  readonly isReserved: boolean;
  /** True while a response is in progress. */
  isBusy: boolean;
  readonly waiting: [IncomingMessage, ServerResponse][];
  dropped: number;
}

/**
 * Creates an HTTP server with limits for everything that a client can stall or flood. At the maximum number of
 * connections, a new one replaces a connection that is idle or still sending a body. If all others are busy, the new
 * connection receives 503.
 * Pipelined requests of a connection are handled one at a time, so that it holds at most one response in memory.
 * @param handle - Handles requests within the limits.
 */
export function createBoundedServer(handle: RequestListener, maxConnections: number): Server {
  const server = createServer({
    maxHeaderSize: HEADER_BYTES,
    keepAliveTimeout: KEEP_ALIVE_SECONDS * 1000,
    headersTimeout: HEADERS_SECONDS * 1000,
    requestTimeout: REQUEST_SECONDS * 1000,
    connectionsCheckingInterval: CHECK_SECONDS * 1000,
  });
  server.setTimeout(IDLE_SECONDS * 1000);
  server.maxConnections = maxConnections + RESERVED_CONNECTIONS;
  server.maxRequestsPerSocket = MAX_REQUESTS;

  const open = new Map<Socket, Connection>();
  // Sets keep insertion order, so the first connection has been idle longest.
  const idle = new Set<Socket>();
  const receiving = new Set<Socket>();

  const removeConnection = (socket: Socket) => {
    const connection = open.get(socket);
    if (connection) connection.waiting.length = 0;
    open.delete(socket);
    idle.delete(socket);
    receiving.delete(socket);
  };

  /**
   * Closes the connection that has been idle longest or, if none is idle, the one that has been sending a body longest.
   * @returns False if every connection has a response in progress.
   */
  const closeIdleConnection = (): boolean => {
    for (const candidates of [idle, receiving])
      for (const socket of candidates) {
        // Removed here, since more connections may be accepted before the "close" event.
        removeConnection(socket);
        socket.destroy();
        return true;
      }
    return false;
  };

  const serve = (connection: Connection, request: IncomingMessage, response: ServerResponse) => {
    const { socket, waiting } = connection;
    connection.isBusy = true;
    idle.delete(socket);
    if (hasBody(request)) {
      receiving.add(socket);
      request.once("close", () => receiving.delete(socket));
    }
    response.once("close", () => {
      connection.isBusy = false;
      receiving.delete(socket);
      const next = waiting.shift();
      if (next) serve(connection, ...next);
      else if (open.has(socket)) idle.add(socket);
    });
    if (connection.isReserved && !HEALTH_PATHS.has(request.url ?? ""))
      refuse(response, new JobError("TooManyConnections", { max: maxConnections }));
    else handle(request, response);
  };

  server.on("connection", (socket) => {
    const isReserved = open.size >= maxConnections && !closeIdleConnection();
    open.set(socket, { socket, isReserved, isBusy: false, waiting: [], dropped: 0 });
    idle.add(socket);
    socket.once("close", () => removeConnection(socket));
  });

  server.on("request", (request, response) => {
    const connection = open.get(request.socket);
    // The connection was closed to accept a new one, so its client would not receive a response.
    if (!connection) return;
    if (!connection.isBusy) serve(connection, request, response);
    else if (connection.waiting.length < MAX_PIPELINED) connection.waiting.push([request, response]);
    // Node sends this response after the queued ones, then closes the connection.
    else if (connection.dropped++ === 0) refuse(response, new JobError("TooManyPipelined", { max: MAX_PIPELINED }));
    else if (connection.dropped > MAX_DROPPED) connection.socket.destroy();
  });
  return server;
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;

/** Refuses a request without handling it, and closes its connection. */
function refuse(response: ServerResponse, error: JobError): void {
  response
    .writeHead(ERRORS[error.code].http, {
      "content-type": PROBLEM_TYPE,
      "retry-after": RETRY_AFTER_SECONDS,
      connection: "close",
    })
    .end(problemJson(error));
}
