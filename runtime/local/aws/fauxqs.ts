import type { BuildAppOptions } from "fauxqs";
// The stores are not exported: https://github.com/kibertoad/fauxqs (2.4.1, pinned). Its startFauxqs, which makes them itself,
// listens on every interface, keeps objects in files named by their keys, and syncs the disk for every message.
// fauxqs.test.ts fails once the package exports them.
import { S3Store } from "../../../node_modules/fauxqs/dist/s3/s3Store.js";
import { SnsStore } from "../../../node_modules/fauxqs/dist/sns/snsStore.js";
import { SqsStore } from "../../../node_modules/fauxqs/dist/sqs/sqsStore.js";

// Actions that every job needs: calling them takes a third of the time of a request to the package's own server.
export { SqsError } from "../../../node_modules/fauxqs/dist/common/errors.js";
export { deleteMessage } from "../../../node_modules/fauxqs/dist/sqs/actions/deleteMessage.js";
export { deleteMessageBatch } from "../../../node_modules/fauxqs/dist/sqs/actions/deleteMessageBatch.js";
export { receiveMessage } from "../../../node_modules/fauxqs/dist/sqs/actions/receiveMessage.js";
export { S3Store, SnsStore, SqsStore };

/** Types of what the stores hold, by the types that the package exports. */
type Stores = NonNullable<BuildAppOptions["stores"]>;
export type SqsQueue = ReturnType<Stores["sqsStore"]["createQueue"]>;
export type SqsMessage = Parameters<SqsQueue["enqueue"]>[0];
export type QueuePersistence = NonNullable<Stores["sqsStore"]["persistence"]>;
export type ObjectPersistence = NonNullable<Stores["s3Store"]["persistence"]>;
export type BucketType = Parameters<ObjectPersistence["insertBucket"]>[2];
export type S3Object = Parameters<ObjectPersistence["upsertObject"]>[1];
export type MultipartUpload = Parameters<ObjectPersistence["insertMultipartUpload"]>[0];
export type MultipartPart = Parameters<ObjectPersistence["upsertMultipartPart"]>[1];
