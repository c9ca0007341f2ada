import type { BuildAppOptions } from "fauxqs";
// The package does not export its stores (2.4.1; https://github.com/kibertoad/fauxqs). startFauxqs, which creates
// them, cannot be used: it listens on every interface, keeps objects in files named by their keys, and syncs the
// disk for every message. fauxqs.test.ts fails once the package exports the stores.
import { S3Store } from "../../../node_modules/fauxqs/dist/s3/s3Store.js";
import { SnsStore } from "../../../node_modules/fauxqs/dist/sns/snsStore.js";
import { SqsStore } from "../../../node_modules/fauxqs/dist/sqs/sqsStore.js";

// Actions that every job needs. Calling them directly takes a third of the time of a request to the package's server.
export { SqsError } from "../../../node_modules/fauxqs/dist/common/errors.js";
export { deleteMessage } from "../../../node_modules/fauxqs/dist/sqs/actions/deleteMessage.js";
export { deleteMessageBatch } from "../../../node_modules/fauxqs/dist/sqs/actions/deleteMessageBatch.js";
export { receiveMessage } from "../../../node_modules/fauxqs/dist/sqs/actions/receiveMessage.js";
export { S3Store, SnsStore, SqsStore };

/** The package's stores. The types below are derived from this type, since the package does not export them. */
type Stores = NonNullable<BuildAppOptions["stores"]>;
export type SqsQueue = ReturnType<Stores["sqsStore"]["createQueue"]>;
export type SqsMessage = Parameters<SqsQueue["enqueue"]>[0];
export type QueuePersistence = NonNullable<Stores["sqsStore"]["persistence"]>;
export type ObjectPersistence = NonNullable<Stores["s3Store"]["persistence"]>;
export type BucketType = Parameters<ObjectPersistence["insertBucket"]>[2];
export type S3Object = Parameters<ObjectPersistence["upsertObject"]>[1];
export type MultipartUpload = Parameters<ObjectPersistence["insertMultipartUpload"]>[0];
export type MultipartPart = Parameters<ObjectPersistence["upsertMultipartPart"]>[1];
