import { actionsOn, type Component, on } from "./component.ts";
import type { StackNames } from "./stackNames.ts";

const SEARCH_WRITES = {
  "es POST /_bulk": ["es:ESHttpPost", "_bulk"],
  "es POST /*-*/_delete_by_query": ["es:ESHttpPost", "rates-jobs-*/_delete_by_query"],
  "es GET /_cat/indices/*-*": ["es:ESHttpGet", "_cat/indices/rates-jobs-*"],
  "es DELETE /*": ["es:ESHttpDelete", "rates-jobs-2026-01"],
  "es HEAD template": ["es:ESHttpHead", "_index_template/rates-jobs"],
  "es PUT template": ["es:ESHttpPut", "_index_template/rates-jobs"],
} as const;

/** Returns the authorizations of the calls that write to OpenSearch. */
export const searchWrites = (domain: string) =>
  Object.fromEntries(
    Object.entries(SEARCH_WRITES).map(([call, [action, path]]) => [call, on(action, `${domain}/${path}`)]),
  );
/** Returns the authorizations of the calls that search in OpenSearch. */
export const searchReads = (domain: string) => ({
  "es POST /*-*/_search": on("es:ESHttpPost", `${domain}/rates-jobs-*/_search`),
});

/** Returns the role that starts a task, which pulls the image and, if `logs` names a log group, writes the log. */
export const taskStart = (role: string, names: StackNames, logs?: string): Component => ({
  role,
  service: "ecs-tasks.amazonaws.com",
  calls: {},
  services: {
    // Amazon ECS Developer Guide, task execution IAM role (AmazonECSTaskExecutionRolePolicy).
    "ECS pulls the image": pullsImage(names),
    ...(logs === undefined ? {} : { "ECS writes the container's log": names.writesLogs(logs) }),
  },
  uncalled: {},
  denied: {
    "pushes an image": { action: "ecr:PutImage", resource: names.repository },
    "reads the master's password": { action: "secretsmanager:GetSecretValue", resource: names.masterSecret },
    "reads results": { action: "s3:GetObject", resource: `${names.results}/x` },
  },
});

/** Returns the authorizations for pulling the image (Amazon ECR User Guide, IAM permissions for pulling an image). */
export const pullsImage = ({ repository }: StackNames) => [
  ...on("ecr:GetAuthorizationToken", "*"),
  ...actionsOn(repository, "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"),
];

/** Returns the API's tasks. */
export function api(names: StackNames): Component {
  const { queues, results, uploads, databaseUser, domain } = names;
  const object = `${uploads}/0123456789abcdef/part.csv`;
  return {
    role: "api",
    service: "ecs-tasks.amazonaws.com",
    source: { typescript: "runtime/api/main.ts" },
    calls: {
      "rds-db connect": on("rds-db:connect", databaseUser("api_reader"), databaseUser("job_reader_plan")),
      // Every call of a multipart upload except AbortMultipartUpload needs PutObject (Amazon S3 User Guide, multipart
      // upload permissions).
      "s3 CreateMultipartUpload": on("s3:PutObject", object),
      "s3 UploadPart": on("s3:PutObject", object),
      "s3 CompleteMultipartUpload": on("s3:PutObject", object),
      "s3 AbortMultipartUpload": on("s3:AbortMultipartUpload", object),
      "s3 GetObject": on("s3:GetObject", `${results}/r/1/result`),
      // Without ListBucket, S3 returns 403 for a missing object (Amazon S3 API Reference, HeadObject).
      "s3 HeadObject": [...on("s3:GetObject", object), ...on("s3:ListBucket", uploads)],
      "sqs SendMessage": on("sqs:SendMessage", queues.wakeups, queues.requests),
      // A batch requires the same permission as a single message (Amazon SQS Developer Guide, API permissions).
      "sqs SendMessageBatch": on("sqs:SendMessage", ...queues.responses),
      "sqs GetQueueAttributes": on("sqs:GetQueueAttributes", queues.requests, queues.dead),
      "sqs ReceiveMessage": on("sqs:ReceiveMessage", queues.dead),
      "sqs DeleteMessage": on("sqs:DeleteMessage", queues.dead),
      "sqs ChangeMessageVisibility": on("sqs:ChangeMessageVisibility", queues.dead),
      ...(domain === undefined ? {} : searchReads(domain)),
    },
    services: {},
    // The API uses the same tracking-store class as the dispatcher, which also writes.
    uncalled:
      domain === undefined
        ? { ...searchReads(otherDomain(names)), ...searchWrites(otherDomain(names)) }
        : searchWrites(domain),
    denied: {
      "receives requests": { action: "sqs:ReceiveMessage", resource: queues.requests },
      "deletes requests": { action: "sqs:DeleteMessage", resource: queues.requests },
      "changes the visibility of requests": { action: "sqs:ChangeMessageVisibility", resource: queues.requests },
      "reads responses": { action: "sqs:ReceiveMessage", resource: queues.acme },
      "counts responses": { action: "sqs:GetQueueAttributes", resource: queues.acme },
      "writes dead letters": { action: "sqs:SendMessage", resource: queues.dead },
      "writes results": { action: "s3:PutObject", resource: `${results}/x` },
      "aborts results": { action: "s3:AbortMultipartUpload", resource: `${results}/x` },
      "deletes uploads": { action: "s3:DeleteObject", resource: object },
      "lists results": { action: "s3:ListBucket", resource: results },
      "reads scripts": { action: "s3:GetObject", resource: `${names.scripts}/x` },
      "reads the stacks' state": { action: "s3:GetObject", resource: `${names.state}/.pulumi/stacks/x.json` },
      ...databaseUsersBut(names, ["api_reader", "job_reader_plan"]),
      "reads the master's password": { action: "secretsmanager:GetSecretValue", resource: names.masterSecret },
      "starts runs": { action: "glue:StartJobRun", resource: names.glueJob },
      "passes a role": { action: "iam:PassRole", resource: names.roleArn("ec2") },
    },
  };
}

/** Returns the ARN of a domain that does not exist, for a stack without a domain. */
export const otherDomain = ({ arnOf, stack }: StackNames) => arnOf("es", `domain/rates-${stack}-0000000`);

const DATABASE_USERS = [
  "postgres",
  "migrator",
  "api_reader",
  "job_reader",
  "job_reader_plan",
  "job_reader_glue_1",
  "job_reader_ec2_1",
  "job_writer",
  "job_keeper",
  "dispatcher",
  "canceller",
];

/** Returns requests to log in as every database role except the allowed roles. */
export const databaseUsersBut = ({ databaseUser }: StackNames, allowed: readonly string[]) =>
  Object.fromEntries(
    DATABASE_USERS.filter((user) => !allowed.includes(user)).map((user) => [
      `logs in as ${user}`,
      { action: "rds-db:connect", resource: databaseUser(user) },
    ]),
  );
