import { mkdirSync } from "node:fs";
import type { AddressInfo } from "node:net";
import Type from "typebox";
import Value from "typebox/value";
// fauxqs' own starter listens on every interface, without credentials; so its pieces are put together here, to listen
// on this machine only. Its package exports no more than the starter, hence the paths.
import { buildApp } from "../../node_modules/fauxqs/dist/app.js";
import { sqsQueueArn } from "../../node_modules/fauxqs/dist/common/arnHelper.js";
import { PersistenceManager } from "../../node_modules/fauxqs/dist/persistence.js";
import { FileS3Persistence } from "../../node_modules/fauxqs/dist/s3/fileS3Persistence.js";
import { S3Store } from "../../node_modules/fauxqs/dist/s3/s3Store.js";
import { SnsStore } from "../../node_modules/fauxqs/dist/sns/snsStore.js";
import { SqsStore } from "../../node_modules/fauxqs/dist/sqs/sqsStore.js";
import { INVALID_MESSAGE_BODY_CHAR } from "../../node_modules/fauxqs/dist/sqs/sqsTypes.js";

/** What tells a ReceiveMessage call, and its answer, from others. */
const Receive = Type.Object({ QueueUrl: Type.String() });
const Received = Type.Object({ Messages: Type.Array(Type.Object({ ReceiptHandle: Type.String() })) });

// SQS takes every character up to U+10FFFF but two (API Reference, SendMessage); fauxqs stops at U+FFFD, and a response
// with an emoji in it could never be sent.
INVALID_MESSAGE_BODY_CHAR.compile(String.raw`[^\x09\x0A\x0D\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]`, "u");

const HOST = "127.0.0.1";

/** How to start the stand-in for AWS. */
export interface CloudOptions {
  /** TCP port; a free one by default. */
  port?: number;
  /** The address to listen on. Default 127.0.0.1; a container has to take every one of its own. URLs name 127.0.0.1. */
  listen?: string;
  /** Where messages and objects are kept over a restart; without it they live in memory only. */
  directory?: string;
  /** The region that it takes itself to be in. Default eu-west-1. */
  region?: string;
}

/** SQS and S3 on this machine, answering at one endpoint. Credentials are not looked at. */
export interface Cloud {
  /** http://127.0.0.1:port, for both services; buckets are addressed by path. */
  endpoint: string;
  port: number;
  region: string;
  /** Environment of a process that is to reach it through the AWS SDK. */
  env: Record<string, string>;
  /** Makes a queue, unless it exists; returns its URL. Attributes as SQS' CreateQueue takes them. */
  createQueue(name: string, attributes?: Record<string, string>): string;
  /** Makes a bucket, unless it exists. */
  createBucket(name: string): void;
  /** Ends all connections, long polls included. */
  stop(): Promise<void>;
}

/** Starts it and resolves when it answers. A port in use is an error (EADDRINUSE). */
export async function startCloud(options: CloudOptions = {}): Promise<Cloud> {
  const region = options.region ?? "eu-west-1";
  const sqsStore = new SqsStore();
  // Queue URLs name the address that was asked, not a `sqs.<region>.localhost` that not every resolver knows.
  sqsStore.host = "";
  const snsStore = new SnsStore();
  const s3Store = new S3Store();
  const keepers = options.directory === undefined ? [] : keepIn(options.directory, { sqsStore, snsStore, s3Store });
  const app = buildApp({ logger: false, defaultRegion: region, stores: { sqsStore, snsStore, s3Store } });
  app.addHook("onSend", async (request, _reply, payload) => {
    // A receiver that vanished during its long poll would keep the messages out of sight until their timeout.
    const { destroyed, readableEnded } = request.raw.socket;
    if (destroyed || readableEnded) giveBack(sqsStore, request.body, payload);
    return payload;
  });
  app.addHook("onClose", () => {
    for (const keeper of keepers) keeper.close();
  });
  await app.listen({ port: options.port ?? 0, host: options.listen ?? HOST });
  const { port } = app.server.address() as AddressInfo;
  const endpoint = `http://${HOST}:${port}`;
  return {
    endpoint,
    port,
    region,
    env: {
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: "local",
      AWS_SECRET_ACCESS_KEY: "local",
      AWS_ENDPOINT_URL_SQS: endpoint,
      AWS_ENDPOINT_URL_S3: endpoint,
    },
    createQueue(name, attributes) {
      const url = sqsStore.buildQueueUrl(name, String(port), `${HOST}:${port}`, region);
      const existing = sqsStore.getQueueByName(name);
      if (existing === undefined) sqsStore.createQueue(name, url, sqsQueueArn(name, region), attributes);
      else if (attributes !== undefined) existing.setAttributes(attributes);
      return url;
    },
    createBucket: (name) => s3Store.createBucket(name),
    stop: () => app.close(),
  };
}

/** Makes messages visible again that were received for nobody. */
function giveBack(store: SqsStore, request: unknown, response: unknown): void {
  if (!Value.Check(Receive, request) || typeof response !== "string") return;
  const queue = store.getQueue(request.QueueUrl);
  const received: unknown = JSON.parse(response);
  if (!Value.Check(Received, received)) return;
  for (const { ReceiptHandle } of received.Messages) queue?.changeVisibility(ReceiptHandle, 0);
}

/** fauxqs' own, but for one statement: it writes null where its table takes none when a message becomes visible again. */
class Messages extends PersistenceManager {
  override updateMessageReady(messageId: string): void {
    this.updateMessageInflight(messageId, "", 0, 1, undefined);
  }
}

/** Loads what `directory` holds into the stores, and keeps there what happens to them from now on. */
function keepIn(directory: string, stores: { sqsStore: SqsStore; snsStore: SnsStore; s3Store: S3Store }) {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const messages = new Messages(directory);
  const objects = new FileS3Persistence(directory);
  // Before the stores know their keepers: what is loaded need not be written again.
  messages.loadSqsAndSns(stores.sqsStore, stores.snsStore);
  objects.loadS3(stores.s3Store);
  stores.sqsStore.persistence = messages;
  for (const queue of stores.sqsStore.allQueues()) {
    queue.persistence = messages;
    // Whoever had received them is gone with the last platform, or has to ask anew.
    for (const receiptHandle of [...queue.inflightMessages.keys()]) queue.changeVisibility(receiptHandle, 0);
  }
  stores.s3Store.persistence = objects;
  return [messages, objects];
}
