import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { buildApp } from "fauxqs";
import { refuseBrowsers } from "./aws/access.ts";
import { AwsError } from "./aws/errors.ts";
import { S3Store, SnsStore, SqsStore } from "./aws/fauxqs.ts";
import { ObjectFiles } from "./aws/objectFiles.ts";
import { CREDENTIALS_FILE, type Principal, Principals } from "./aws/principals.ts";
import { QueueFile } from "./aws/queueFile.ts";
import { checkS3Request } from "./aws/s3Paths.ts";
import { sha256, verifySignature } from "./aws/signature.ts";
import { handleSqs, isSqs, type Perform, sendError } from "./aws/sqs.ts";

const HOST = "127.0.0.1";
const ACCOUNT = "000000000000";

/** Options of the emulator of AWS. */
export interface EmulatorOptions {
  /** TCP port; a free one by default. */
  port?: number;
  /**
   * Address to listen on; in a container, all addresses (0.0.0.0). URLs always name 127.0.0.1.
   * @default 127.0.0.1
   */
  listen?: string;
  /**
   * Directory of messages, objects and credentials.
   *
   * @default memory only
   */
  directory?: string;
  /** @default eu-west-1 */
  region?: string;
}

/** SQS and S3 on this machine at one endpoint. Requests except GET /health must be signed; policies are not enforced. */
export interface Emulator {
  /** http://127.0.0.1:port, for both services; buckets are addressed by path. */
  endpoint: string;
  port: number;
  region: string;
  /** Credentials of the platform's own components. */
  credentials: Principal;
  /** Creates credentials of another principal, whose messages have this SenderId. */
  addPrincipal(profile: string, senderId: string): Principal;
  /** Environment variables with which the AWS SDK connects to it. */
  env: Record<string, string>;
  /** Creates a queue if it does not exist, and returns its URL. Sets the queue's SQS attributes if given. */
  createQueue(name: string, attributes?: Record<string, string>): string;
  /** Creates a bucket if it does not exist. */
  createBucket(name: string): void;
  /** Stops the emulator, and ends all connections, including long polls. */
  stop(): Promise<void>;
}

/**
 * Starts the emulator, and resolves when it responds.
 * @throws EADDRINUSE if the port is in use
 */
export async function startEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  const region = options.region ?? "eu-west-1";
  const sqsStore = new SqsStore();
  // With an empty host, queue URLs contain the Host header that `perform` sends (127.0.0.1 and the port) instead of
  // `sqs.<region>.localhost`, which some resolvers cannot resolve.
  sqsStore.host = "";
  const stores = { sqsStore, snsStore: new SnsStore(), s3Store: new S3Store() };
  const principals = new Principals(options.directory && join(options.directory, CREDENTIALS_FILE));
  const messages = options.directory === undefined ? undefined : persistIn(options.directory, stores);
  const waitUntilSynced = async () => messages?.waitUntilSynced();
  const app = buildApp({ logger: false, defaultRegion: region, stores });
  app.addHook("preHandler", async (request) => {
    if (request.method === "PUT" || request.method === "POST") request.body ??= Buffer.alloc(0);
    checkBody(request.headers["x-amz-content-sha256"], request.body);
  });
  app.setErrorHandler((error, _request, reply) => {
    const status = error instanceof AwsError ? error.status : ((error as { statusCode?: number }).statusCode ?? 500);
    const code = error instanceof AwsError ? error.code : status === 413 ? "EntityTooLarge" : "InternalError";
    const message = error instanceof Error ? error.message : "The emulator failed.";
    return reply.code(status).type("application/xml").send(s3Error(code, message));
  });
  await app.ready();

  const perform: Perform = async (action, input) => {
    const headers = { "content-type": "application/x-amz-json-1.0", "x-amz-target": `AmazonSQS.${action}`, host };
    const {
      statusCode,
      body,
      headers: responseHeaders,
    } = await app.inject({
      method: "POST",
      url: "/",
      headers,
      payload: JSON.stringify(input),
    });
    return { status: statusCode, body, headers: new Headers(responseHeaders as Record<string, string>) };
  };
  const sqs = { store: sqsStore, principals, perform, waitUntilSynced };
  const server = createServer((request, response) => {
    const isSqsRequest = isSqs(request);
    const url = request.url ?? "/";
    try {
      refuseBrowsers(request.method ?? "", url, request.headers);
      if (isSqsRequest) return void handleSqs(sqs, request, response);
      if (!(request.method === "GET" && url === "/health")) checkS3(principals, request);
      app.routing(request, response);
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      refuse(request, response, error, isSqsRequest);
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, options.listen ?? HOST, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const host = `${HOST}:${port}`;
  const endpoint = `http://${host}`;
  const { accessKeyId, secretAccessKey } = principals.platform;
  return {
    endpoint,
    port,
    region,
    credentials: principals.platform,
    addPrincipal: (profile, senderId) => principals.add(profile, senderId),
    env: {
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_ENDPOINT_URL_SQS: endpoint,
      AWS_ENDPOINT_URL_S3: endpoint,
    },
    createQueue(name, attributes) {
      const url = `${endpoint}/${ACCOUNT}/${name}`;
      const existing = sqsStore.getQueueByName(name);
      if (existing === undefined)
        sqsStore.createQueue(name, url, `arn:aws:sqs:${region}:${ACCOUNT}:${name}`, attributes);
      else if (attributes !== undefined) existing.setAttributes(attributes);
      return url;
    },
    createBucket: (name) => stores.s3Store.createBucket(name),
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await app.close();
      await closed;
      await messages?.close();
    },
  };
}

/** Refuses a request to S3 that is not correctly signed, or has an invalid name. */
function checkS3(principals: Principals, request: IncomingMessage): void {
  const { method = "", url = "/", headers } = request;
  verifySignature({ method, url, headers }, { services: ["s3"], find: (key) => principals.find(key) });
  checkS3Request(url, headers);
}

/** Refuses a body whose hash differs from the signed hash. */
function checkBody(signedHash: string | string[] | undefined, body: unknown): void {
  if (typeof signedHash !== "string" || !/^[0-9a-f]{64}$/.test(signedHash)) return;
  if (signedHash !== sha256(Buffer.isBuffer(body) ? body : ""))
    throw new AwsError("XAmzContentSHA256Mismatch", "x-amz-content-sha256 is not the hash of the body.", 400);
}

function refuse(request: IncomingMessage, response: ServerResponse, error: AwsError, isSqsRequest: boolean): void {
  // The body stays unread, so this connection cannot serve another request.
  response.setHeader("connection", "close");
  if (isSqsRequest) {
    sendError(response, error, !request.headers["x-amz-target"]);
    return;
  }
  const body = request.method === "HEAD" ? "" : s3Error(error.code, error.message);
  response.writeHead(error.status, { "content-type": "application/xml" }).end(body);
}

const s3Error = (code: string, message: string) => {
  const text = message.replace(/[<>&]/g, (character) => `&#${character.charCodeAt(0)};`);
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${text}</Message></Error>`;
};

/** Loads the contents of `directory` into the stores, and persists later changes there. */
function persistIn(directory: string, { sqsStore, s3Store }: { sqsStore: SqsStore; s3Store: S3Store }): QueueFile {
  const messages = new QueueFile(directory);
  messages.attach(sqsStore);
  const objects = new ObjectFiles(directory);
  // Loaded before persistence is attached, so that loaded objects are not written again.
  objects.loadS3(s3Store);
  s3Store.persistence = objects;
  return messages;
}
