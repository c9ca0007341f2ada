import * as pulumi from "@pulumi/pulumi";
import type { Buckets } from "../infra/buckets.ts";
import { type Database, loginStatement } from "../infra/database.ts";
import type { Queues } from "../infra/queues.ts";
import type { Statement } from "../infra/shared/iam.ts";
import type { Tracking } from "../infra/tracking.ts";
import type { RunnerType } from "../runtime/contract/states.ts";

/** Shared resources of a stack that components may use. */
interface SharedResources {
  readonly queues: Queues;
  readonly buckets: Buckets;
  readonly database: Database;
  readonly tracking: Tracking | undefined;
  readonly region: string;
  readonly accountId: string;
  readonly rawSql: boolean;
  /** ARN of the secret with the headers for the trace collector. */
  readonly headersSecret: string | undefined;
}

/**
 * Returns the permissions of each component on the stack's shared resources. The dispatcher's permissions on queues are in
 * infra/dispatcher.ts.
 */
export function permissions({
  queues,
  buckets,
  database,
  tracking,
  rawSql,
  headersSecret,
  ...location
}: SharedResources) {
  const objects = (bucket: "results" | "uploads") => pulumi.interpolate`${buckets[bucket].arn}/*`;
  const login = (...roles: Parameters<typeof loginStatement>[2]) => loginStatement(database.endpoint, location, roles);
  // Each run reads with the role of its slot if callers may send raw SQL.
  const readerRoles = (runner: RunnerType) => [rawSql ? (`job_reader_${runner}_*` as const) : ("job_reader" as const)];
  const sendResponses: Statement = { actions: ["sqs:SendMessage"], resources: queues.responseArns };
  const storeResults: Statement = {
    actions: ["s3:PutObject", "s3:AbortMultipartUpload"],
    resources: [objects("results")],
  };
  // Without this permission S3 reports a missing object as forbidden.
  const listUploads: Statement = { actions: ["s3:ListBucket"], resources: [buckets.uploads.arn] };
  const api: Statement[] = [
    login("api_reader", "job_reader_plan"),
    sendResponses,
    { actions: ["sqs:SendMessage"], resources: [queues.wakeups.arn, queues.requests.arn] },
    // Number of waiting requests: GET /stats.
    { actions: ["sqs:GetQueueAttributes"], resources: [queues.requests.arn] },
    {
      // Operators inspect and redrive dead letters (POST /redrive).
      actions: ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"],
      resources: [queues.deadLetters.arn],
    },
    { actions: ["s3:GetObject"], resources: [objects("results"), objects("uploads")] },
    {
      actions: ["s3:PutObject", "s3:AbortMultipartUpload"],
      resources: [objects("uploads")],
    },
    listUploads,
    ...(tracking?.readStatements ?? []),
  ];
  const dispatcher: Statement[] = [
    login("dispatcher", "job_reader_plan", "canceller"),
    // Accepting a request pins the version of its source.
    { actions: ["s3:GetObject"], resources: [objects("uploads")] },
    listUploads,
    ...(headersSecret === undefined
      ? []
      : [{ actions: ["secretsmanager:GetSecretValue"], resources: [headersSecret] }]),
    ...(tracking?.statements ?? []),
  ];
  const glue: Statement[] = [login("job_keeper", ...readerRoles("glue"), "canceller"), sendResponses, storeResults];
  const ec2: Statement[] = [
    login("job_keeper", ...readerRoles("ec2"), "job_writer", "canceller"),
    sendResponses,
    storeResults,
    // The runner loads the pinned version of a source.
    { actions: ["s3:GetObjectVersion"], resources: [objects("uploads")] },
    listUploads,
  ];
  const smoke: Statement[] = [
    { actions: ["sqs:SendMessage", "sqs:GetQueueAttributes"], resources: [queues.requests.arn] },
    {
      actions: ["sqs:ReceiveMessage", "sqs:DeleteMessage"],
      resources: [queues.responses.arn, queues.deadLetters.arn],
    },
  ];
  return { api, dispatcher, glue, ec2, smoke };
}
