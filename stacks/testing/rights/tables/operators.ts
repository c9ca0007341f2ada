import type { Case, Need } from "../evaluate.ts";
import type { Policy } from "../policy.ts";
import { all, on, type Source } from "./part.ts";
import type { StackNames } from "./stackNames.ts";

/** An operator's command with its calls, under the managed policies that it needs. */
export interface Command {
  readonly policies: readonly string[];
  readonly source: Source;
  readonly calls: Readonly<Record<string, readonly Need[]>>;
  /** Calls in shared code that the command never makes: they must be denied. */
  readonly never: Readonly<Record<string, readonly Need[]>>;
  /** Further calls, which are not in the source. */
  readonly services: Readonly<Record<string, readonly Need[]>>;
  readonly denied: Readonly<Record<string, Need>>;
}

/** The unique id of the role that an operator assumed, and the session's name. */
const OPERATOR = "AROAOPERATOR000000000:ann";

export function commands(names: StackNames): Record<string, Command> {
  const { arnOf, queues, stack } = names;
  const cluster = arnOf("ecs", `cluster/rates-${stack}-access-1a2b3c4`);
  const task = arnOf("ecs", `task/rates-${stack}-access-1a2b3c4/0123456789abcdef`);
  const apiTask = arnOf("ecs", `task/rates-${stack}-api-1a2b3c4/0123456789abcdef`);
  const definition = arnOf("ecs", `task-definition/rates-${stack}-access:1`);
  const inCluster = { "ecs:cluster": cluster };
  const smoke = {
    definition: arnOf("ecs", `task-definition/rates-${stack}-smoke:1`),
    inCluster: { "ecs:cluster": arnOf("ecs", `cluster/rates-${stack}-smoke-1a2b3c4`) },
    task: arnOf("ecs", `task/rates-${stack}-smoke-1a2b3c4/0123456789abcdef`),
    log: arnOf("logs", `log-group:rates-${stack}-smoke-1a2b3c4:log-stream:smoke/smoke/0123456789abcdef`),
  };
  const named = { "ssm:SessionDocumentAccessCheck": "true" };
  const document = (name: string) => `arn:aws:ssm:${names.region}::document/${name}`;
  const session = (owner: string) => arnOf("ssm", `session/${owner}-0123456789abcdef`);
  const passes = (resource: string, service = "ecs-tasks.amazonaws.com"): Need => ({
    action: "iam:PassRole",
    resource,
    context: { "iam:PassedToService": service },
  });
  const tag = (value: string) => ({ "aws:ResourceTag/rates:stack": value });
  const start = (resource: string, context = named): Need => ({
    action: "ssm:StartSession",
    resource,
    context,
    unlisted: resource.includes("::document/"),
  });
  return {
    "rates connect": {
      policies: ["rates-connect"],
      source: { commandLine: "runtime/cli/lib/accessSession.ts" },
      calls: {
        "ecs RunTask": [
          { action: "ecs:RunTask", resource: definition, context: inCluster },
          passes(names.roleArn("access")),
          passes(names.roleArn("access-start")),
        ],
        "ecs DescribeTasks": on("ecs:DescribeTasks", task),
        "ecs StopTask": on("ecs:StopTask", task),
        "ssm StartSession": [start(task), start(document("AWS-StartPortForwardingSessionToRemoteHost"))],
      },
      services: {
        "the plugin ends the session": on("ssm:TerminateSession", session(OPERATOR)),
        "--stack reads the stack's outputs": [
          ...on("s3:ListBucket", names.state),
          ...on("s3:GetObject", `${names.state}/.pulumi/stacks/rates-platform/dev.json`),
          ...on("kms:Decrypt", names.stateKey),
        ],
      },
      never: {},
      denied: {
        "runs the API's task": {
          action: "ecs:RunTask",
          resource: arnOf("ecs", `task-definition/rates-${stack}-api:1`),
          context: inCluster,
        },
        "runs the task in another cluster": {
          action: "ecs:RunTask",
          resource: definition,
          context: { "ecs:cluster": arnOf("ecs", `cluster/rates-${stack}-api-1a2b3c4`) },
        },
        "stops the API's task": { action: "ecs:StopTask", resource: apiTask },
        "looks at the API's task": { action: "ecs:DescribeTasks", resource: apiTask },
        "opens a session in the API's task": start(apiTask),
        "opens a session on an instance": start(arnOf("ec2", "instance/i-1")),
        "opens a shell": start(document("SSM-SessionManagerRunShell")),
        "opens a session without a document": start(task, { "ssm:SessionDocumentAccessCheck": "false" }),
        "ends another's session": { action: "ssm:TerminateSession", resource: session("AROAOTHER000000000000:bob") },
        "passes the API's role": passes(names.roleArn("api")),
        "passes the task's role to a function": passes(names.roleArn("access"), "lambda.amazonaws.com"),
        "runs a command in the task": { action: "ecs:ExecuteCommand", resource: task },
        "writes the state": { action: "s3:PutObject", resource: `${names.state}/.pulumi/stacks/x.json` },
        "reads results": { action: "s3:GetObject", resource: `${names.results}/x` },
        "lists results": { action: "s3:ListBucket", resource: names.results },
        "decrypts what is another's": { action: "kms:Decrypt", resource: names.topicKey },
      },
    },
    "rates doctor": {
      policies: ["rates-connect"],
      source: { typescript: "runtime/cli/main.ts" },
      calls: {
        // STS answers every caller.
        "sts GetCallerIdentity": [],
        "service-quotas GetServiceQuota": on(
          "servicequotas:GetServiceQuota",
          arnOf("servicequotas", "glue/L-F574AED9"),
        ).map((need) => ({ ...need, anywhere: true })),
        "service-quotas GetAWSDefaultServiceQuota": on("servicequotas:GetAWSDefaultServiceQuota", "*"),
      },
      services: {},
      never: {},
      denied: {
        "asks for a larger quota": {
          action: "servicequotas:RequestServiceQuotaIncrease",
          resource: arnOf("servicequotas", "glue/L-F574AED9"),
        },
      },
    },
    "npm run smoke": {
      policies: ["rates-connect", "rates-smoke"],
      source: { typescript: "runtime/smoke/main.ts" },
      calls: {
        "sqs SendMessage": on("sqs:SendMessage", queues.requests),
        "sqs GetQueueAttributes": on("sqs:GetQueueAttributes", queues.requests),
        "sqs ReceiveMessage": on("sqs:ReceiveMessage", ...queues.responses, queues.dead),
        "sqs DeleteMessage": on("sqs:DeleteMessage", ...queues.responses, queues.dead),
        "s3 HeadBucket": on("s3:ListBucket", names.results),
        "glue GetJob": on("glue:GetJob", names.glueJob),
        "glue GetJobRuns": on("glue:GetJobRuns", names.glueJob),
        "glue BatchStopJobRun": on("glue:BatchStopJobRun", names.glueJob),
        "glue GetConnection": on("glue:GetConnection", ...names.glueConnections, arnOf("glue", "catalog")),
        "ec2 DescribeInstances": on("ec2:DescribeInstances", "*"),
        "ec2 DescribeLaunchTemplateVersions": on("ec2:DescribeLaunchTemplateVersions", "*"),
        "ec2 TerminateInstances": [
          {
            action: "ec2:TerminateInstances",
            resource: arnOf("ec2", "instance/i-1"),
            context: tag(names.named("ec2")),
            anywhere: true,
          },
        ],
      },
      services: {},
      // It stops Glue runs with the dispatcher's launcher, which can also start and describe them.
      never: {
        "glue StartJobRun": on("glue:StartJobRun", names.glueJob),
        "glue GetJobRun": on("glue:GetJobRun", names.glueJob),
      },
      denied: {
        "terminates another's instance": {
          action: "ec2:TerminateInstances",
          resource: arnOf("ec2", "instance/i-2"),
          context: tag("other"),
        },
        "terminates an instance without a tag": {
          action: "ec2:TerminateInstances",
          resource: arnOf("ec2", "instance/i-3"),
        },
        "terminates a volume": {
          action: "ec2:TerminateInstances",
          resource: arnOf("ec2", "instance/i-4"),
          context: tag("rates-dev-api"),
        },
        "takes requests": { action: "sqs:ReceiveMessage", resource: queues.requests },
        "deletes requests": { action: "sqs:DeleteMessage", resource: queues.requests },
        "sends responses": { action: "sqs:SendMessage", resource: queues.acme },
        "measures dead letters": { action: "sqs:GetQueueAttributes", resource: queues.dead },
        "reads results": { action: "s3:GetObject", resource: `${names.results}/x` },
        "lists uploads": { action: "s3:ListBucket", resource: names.uploads },
        ...Object.fromEntries(
          all(arnOf("glue", "job/other"), "glue:GetJob", "glue:GetJobRuns", "glue:BatchStopJobRun").map((need) => [
            `${need.action} of another job`,
            need,
          ]),
        ),
        "reads another connection": { action: "glue:GetConnection", resource: arnOf("glue", "connection/other") },
      },
    },
    "npm run smoke -- --inside": {
      policies: ["rates-connect", "rates-smoke-inside"],
      source: { commandLine: "runtime/smoke/inside.ts" },
      calls: {
        "ecs RunTask": [
          { action: "ecs:RunTask", resource: smoke.definition, context: smoke.inCluster },
          passes(names.roleArn("smoke")),
          passes(names.roleArn("smoke-start")),
        ],
        "ecs DescribeTasks": on("ecs:DescribeTasks", smoke.task),
        "ecs StopTask": on("ecs:StopTask", smoke.task),
        "logs GetLogEvents": on("logs:GetLogEvents", smoke.log),
        "lambda Invoke": on("lambda:InvokeFunction", names.migrations),
      },
      services: {},
      never: {},
      denied: {
        "runs the smoke task in another cluster": {
          action: "ecs:RunTask",
          resource: smoke.definition,
          context: inCluster,
        },
        "runs the API's task": {
          action: "ecs:RunTask",
          resource: arnOf("ecs", `task-definition/rates-${stack}-api:1`),
          context: smoke.inCluster,
        },
        "stops the API's task": { action: "ecs:StopTask", resource: apiTask },
        "looks at the API's task": { action: "ecs:DescribeTasks", resource: apiTask },
        "opens a session in the smoke task": start(smoke.task),
        "passes the API's role": passes(names.roleArn("api")),
        "passes the task's role to a function": passes(names.roleArn("smoke"), "lambda.amazonaws.com"),
        "reads the API's log": {
          action: "logs:GetLogEvents",
          resource: arnOf("logs", `log-group:rates-${stack}-api-1a2b3c4:log-stream:one`),
        },
        "invokes the dispatcher": { action: "lambda:InvokeFunction", resource: names.dispatcherAlias },
        "sends requests": { action: "sqs:SendMessage", resource: queues.requests },
      },
    },
  };
}

/** Requests of a command under its policies, and the same on resources that are not a stack's. */
export function commandCases(
  what: string,
  command: Command,
  policies: ReadonlyMap<string, Policy>,
  account: string,
): Case[] {
  const identity = command.policies.map((name) => {
    const policy = policies.get(`arn:aws:iam::${account}:policy/${name}`);
    if (policy === undefined) throw new Error(`the account has no policy ${name}`);
    return policy;
  });
  const principal = `arn:aws:sts::${account}:assumed-role/operator/ann`;
  const listed = (groups: Readonly<Record<string, readonly Need[]>>, allowed: boolean): Case[] =>
    Object.entries(groups).flatMap(([call, needs]) =>
      needs.map((need) => ({
        ...need,
        context: { "aws:userid": OPERATOR, ...need.context },
        what: `${what}: ${call}`,
        principal,
        identity,
        allowed,
      })),
    );
  const allowed = [...listed(command.calls, true), ...listed(command.services, true)];
  const elsewhere = allowed
    .filter(({ resource, anywhere }) => resource.includes("rates-") && !anywhere)
    .map((one) => ({
      ...one,
      what: `${one.what}, not a stack's`,
      resource: one.resource.replace("rates-", "other-"),
      allowed: false,
    }));
  const denied = Object.fromEntries(Object.entries(command.denied).map(([attack, need]) => [attack, [need]]));
  return [...allowed, ...elsewhere, ...listed(command.never, false), ...listed(denied, false)];
}
