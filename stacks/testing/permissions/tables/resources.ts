import type { Case, Context } from "../evaluate.ts";
import type { StackNames } from "./stackNames.ts";

/** Callers of another account, as the stack's configuration names them. */
export const CALLERS = {
  account: "444444444444",
  /** Has the tenant acme, which has its own response queue. */
  pricing: "arn:aws:iam::444444444444:role/pricing",
  /** Has a tenant on the shared response queue. */
  reports: "arn:aws:iam::444444444444:role/reports",
} as const;

const session = (role: string) => `${role.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/")}/session`;

const RECEIVE_ACTIONS = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"];
const READ_ACTIONS = ["sqs:GetQueueUrl", "sqs:GetQueueAttributes"];

/** Returns requests that the policies of a stack's queues, buckets, topic, key and function allow or deny. */
export function resourceCases(names: StackNames): Case[] {
  const { account, queues, region, topic, topicKey } = names;
  const administrator = `arn:aws:iam::${account}:role/administrator`;
  const cases: Case[] = [];
  const request = (allowed: boolean, principal: string, action: string, resource: string, context: Context = {}) =>
    cases.push({ title: `${principal} ${action}`, principal, action, resource, context, allowed });
  const may = request.bind(undefined, true);
  const mayNot = request.bind(undefined, false);
  /** Adds cases for a resource that requires TLS even from an administrator of the account. */
  const tlsOnly = (action: string, resource: string) => {
    may(administrator, action, resource);
    mayNot(administrator, action, resource, { "aws:SecureTransport": "false" });
  };

  const pricing = session(CALLERS.pricing);
  const reports = session(CALLERS.reports);
  const stranger = `arn:aws:sts::${CALLERS.account}:assumed-role/stranger/session`;
  for (const queue of [queues.requests, queues.wakeups, queues.dead, ...queues.responses])
    tlsOnly("sqs:ReceiveMessage", queue);
  for (const caller of [pricing, reports])
    for (const action of ["sqs:SendMessage", ...READ_ACTIONS]) may(caller, action, queues.requests);
  for (const action of [...RECEIVE_ACTIONS, ...READ_ACTIONS]) {
    may(pricing, action, queues.acme);
    may(reports, action, String(queues.responses.find((arn) => arn !== queues.acme && arn !== queues.globex)));
    mayNot(reports, action, queues.acme);
    mayNot(pricing, action, queues.globex);
    mayNot(stranger, action, queues.acme);
  }
  // Callers in the stack's account need no identity policy.
  for (const caller of [`arn:aws:sts::${account}:assumed-role/own/session`, `arn:aws:iam::${account}:user/own`]) {
    const own = (allowed: boolean, action: string, resource: string) =>
      cases.push({ title: `${caller} ${action}`, principal: caller, action, resource, allowed, identity: [] });
    for (const action of ["sqs:SendMessage", ...READ_ACTIONS]) own(true, action, queues.requests);
    for (const action of [...RECEIVE_ACTIONS, ...READ_ACTIONS]) {
      own(true, action, queues.globex);
      own(false, action, queues.acme);
    }
    for (const action of ["s3:PutObject", "s3:AbortMultipartUpload"]) {
      own(true, action, `${names.uploads}/x`);
      own(false, action, `${names.results}/x`);
    }
  }
  mayNot(stranger, "sqs:SendMessage", queues.requests);
  mayNot(pricing, "sqs:ReceiveMessage", queues.requests);
  mayNot(pricing, "sqs:SendMessage", queues.acme);
  mayNot(pricing, "sqs:SendMessage", queues.wakeups);
  mayNot(pricing, "sqs:ReceiveMessage", queues.dead);

  for (const bucket of [names.results, names.uploads, names.scripts, names.accessLogs]) {
    tlsOnly("s3:ListBucket", bucket);
    tlsOnly("s3:GetObject", `${bucket}/x`);
  }
  for (const caller of [pricing, reports])
    for (const action of ["s3:PutObject", "s3:AbortMultipartUpload"]) {
      may(caller, action, `${names.uploads}/x`);
      mayNot(caller, action, `${names.results}/x`);
      mayNot(stranger, action, `${names.uploads}/x`);
    }
  mayNot(pricing, "s3:GetObject", `${names.uploads}/x`);
  mayNot(pricing, "s3:ListBucket", names.uploads);
  const balancer = "logdelivery.elasticloadbalancing.amazonaws.com";
  may(balancer, "s3:PutObject", `${names.accessLogs}/AWSLogs/${account}/elasticloadbalancing/x.log.gz`);
  mayNot(balancer, "s3:PutObject", `${names.accessLogs}/AWSLogs/${CALLERS.account}/elasticloadbalancing/x.log.gz`);
  mayNot("delivery.logs.amazonaws.com", "s3:PutObject", `${names.accessLogs}/AWSLogs/${account}/x`);

  const publishers = {
    "cloudwatch.amazonaws.com": `arn:aws:cloudwatch:${region}:${account}:alarm:one`,
    "budgets.amazonaws.com": `arn:aws:budgets::${account}:budget/one`,
  };
  for (const [service, source] of Object.entries(publishers)) {
    const context = { "aws:SourceAccount": account, "aws:SourceArn": source };
    may(service, "sns:Publish", topic, context);
    mayNot(service, "sns:Publish", topic, { ...context, "aws:SourceAccount": CALLERS.account });
    mayNot(service, "sns:Publish", topic, { ...context, "aws:SourceArn": `arn:aws:s3:::someone` });
    for (const action of ["kms:Decrypt", "kms:GenerateDataKey"]) {
      may(service, action, topicKey, { "aws:SourceAccount": account });
      mayNot(service, action, topicKey, { "aws:SourceAccount": CALLERS.account });
    }
  }
  mayNot("events.amazonaws.com", "sns:Publish", topic, { "aws:SourceAccount": account });
  tlsOnly("sns:Publish", topic);
  may(administrator, "kms:DescribeKey", topicKey);
  mayNot(stranger, "kms:DescribeKey", topicKey);

  const invoke = "lambda:InvokeFunction";
  for (const rule of names.rules) may("events.amazonaws.com", invoke, names.dispatcherAlias, { "aws:SourceArn": rule });
  mayNot("events.amazonaws.com", invoke, names.dispatcherAlias, {
    "aws:SourceArn": `arn:aws:events:${region}:${CALLERS.account}:rule/any`,
  });
  mayNot("s3.amazonaws.com", invoke, names.dispatcherAlias, { "aws:SourceArn": names.results });
  return cases;
}
