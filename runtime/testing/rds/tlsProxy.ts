import { once } from "node:events";
import { createServer, type Server, type Socket, connect as tcpConnect } from "node:net";
import type { Duplex } from "node:stream";
import { createSecureContext, TLSSocket, connect as tlsConnect } from "node:tls";
import type { Certificate } from "./certificates.ts";

// Codes of the messages that start a session (PostgreSQL documentation, frontend/backend protocol, message formats).
const SSL_REQUEST = 80_877_103;
const GSS_REQUEST = 80_877_104;
const CANCEL_REQUEST = 80_877_102;
const AUTHENTICATION_CLEARTEXT_PASSWORD = 3;

/** Route of a session from the proxy to Postgres. */
export interface Upstream {
  readonly port: number;
  /** The proxy's own certificate, by which Postgres admits the users whose token was accepted. */
  readonly client: Certificate;
  readonly ca: string;
  /** Returns true if a user logs in by token instead of password. */
  needsToken(user: string): Promise<boolean>;
  /** @throws Error if the token is not accepted */
  verify(token: string, user: string): void;
}

/**
 * The proxy at the address of a database instance: terminates TLS with the instance's certificate, refuses sessions
 * without TLS, and checks tokens in place of PAM. As RDS does, it requests a token as a password in clear text. The
 * passwords of all other users are checked by Postgres itself.
 */
export class TlsProxy {
  readonly port: number;
  /** Target of sessions; undefined while no instance has this address. */
  upstream: Upstream | undefined;
  readonly #server: Server;
  readonly #sockets: ReadonlySet<Socket>;

  private constructor(server: Server, port: number, sockets: ReadonlySet<Socket>) {
    this.#server = server;
    this.port = port;
    this.#sockets = sockets;
  }

  static async listen({ certificate: cert, key }: Certificate): Promise<TlsProxy> {
    const secureContext = createSecureContext({ cert, key });
    let proxy: TlsProxy | undefined;
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
      socket.on("error", () => socket.destroy());
      const upstream = proxy?.upstream;
      if (upstream === undefined) socket.destroy();
      else negotiate(socket, secureContext, upstream).catch(() => socket.destroy());
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("a TCP address was expected");
    proxy = new TlsProxy(server, address.port, sockets);
    return proxy;
  }

  /** Ends all sessions, for example when an instance is renamed or deleted. */
  disconnect(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.disconnect();
    this.#server.close();
    await once(this.#server, "close");
  }
}

async function negotiate(
  socket: Socket,
  secureContext: ReturnType<typeof createSecureContext>,
  upstream: Upstream,
): Promise<void> {
  for (;;) {
    const message = await readStartup(socket);
    const code = message.readInt32BE(4);
    if (code === GSS_REQUEST) socket.write("N");
    else if (code === CANCEL_REQUEST) {
      const server = tcpConnect(upstream.port, "127.0.0.1");
      server.on("error", () => undefined);
      server.end(message);
      socket.end();
      return;
    } else if (code === SSL_REQUEST) {
      socket.write("S");
      const secure = new TLSSocket(socket, { isServer: true, secureContext });
      secure.on("error", () => socket.destroy());
      return authenticate(secure, await readStartup(secure), upstream);
    } else {
      // As RDS does with rds.force_ssl.
      const { user = "", database = user } = parameters(message);
      refuse(
        socket,
        `no pg_hba.conf entry for host "127.0.0.1", user "${user}", database "${database}", no encryption`,
      );
      return;
    }
  }
}

async function authenticate(client: TLSSocket, startup: Buffer, upstream: Upstream): Promise<void> {
  const { user = "" } = parameters(startup);
  if (!(await upstream.needsToken(user))) return join(client, startup, await connectPlain(upstream));
  const passwordRequest = Buffer.alloc(9);
  passwordRequest.write("R");
  passwordRequest.writeInt32BE(8, 1);
  passwordRequest.writeInt32BE(AUTHENTICATION_CLEARTEXT_PASSWORD, 5);
  client.write(passwordRequest);
  try {
    upstream.verify(await readPassword(client), user);
  } catch {
    refuse(client, `PAM authentication failed for user "${user}"`);
    return;
  }
  join(client, startup, await connectTls(upstream));
}

async function connectPlain({ port }: Upstream): Promise<Duplex> {
  const server = tcpConnect(port, "127.0.0.1");
  await once(server, "connect");
  return server;
}

async function connectTls({ port, client, ca }: Upstream): Promise<Duplex> {
  const socket = tcpConnect(port, "127.0.0.1");
  const request = Buffer.alloc(8);
  request.writeInt32BE(8, 0);
  request.writeInt32BE(SSL_REQUEST, 4);
  socket.write(request);
  if ((await read(socket, 1)).toString() !== "S") throw new Error("Postgres has no TLS");
  const secure = tlsConnect({ socket, ca, cert: client.certificate, key: client.key, host: "127.0.0.1" });
  await once(secure, "secureConnect");
  return secure;
}

function join(client: Duplex, startup: Buffer, server: Duplex): void {
  for (const [source, destination] of [
    [client, server],
    [server, client],
  ] as const) {
    source.once("error", () => destination.destroy());
    source.once("close", () => destination.destroy());
  }
  server.write(startup);
  client.pipe(server);
  server.pipe(client);
}

/** Reads a message without a type: its length, then the rest. */
async function readStartup(stream: Duplex): Promise<Buffer> {
  const length = await read(stream, 4);
  const size = length.readInt32BE();
  if (size < 8 || size > 10_000) throw new Error("not a message of the protocol");
  return Buffer.concat([length, await read(stream, size - 4)]);
}

async function readPassword(stream: Duplex): Promise<string> {
  const head = await read(stream, 5);
  if (head.toString("latin1", 0, 1) !== "p") throw new Error("a password was expected");
  const body = await read(stream, head.readInt32BE(1) - 4);
  return body.toString("utf8", 0, body.length - 1);
}

async function read(stream: Duplex, size: number): Promise<Buffer> {
  for (;;) {
    const bytes: Buffer | null = stream.read(size);
    if (bytes?.length === size) return bytes;
    if (stream.readableEnded || stream.destroyed) throw new Error("the connection was closed");
    await Promise.race([once(stream, "readable"), once(stream, "close").then(() => undefined)]);
  }
}

/** Reads the parameters of a startup message. */
function parameters(startup: Buffer): Record<string, string> {
  const texts = startup.toString("utf8", 8).split("\0");
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < texts.length && texts[at] !== ""; at += 2)
    pairs.push([texts[at] ?? "", texts[at + 1] ?? ""]);
  return Object.fromEntries(pairs);
}

/** Ends a session with a fatal error of the class "invalid authorization specification". */
function refuse(stream: Duplex, message: string): void {
  const fields = ["SFATAL", "VFATAL", "C28000", `M${message}`].map((field) => `${field}\0`).join("");
  const body = Buffer.from(`${fields}\0`);
  const head = Buffer.alloc(5);
  head.write("E");
  head.writeInt32BE(body.length + 4, 1);
  stream.end(Buffer.concat([head, body]));
}
